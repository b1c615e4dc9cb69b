"""How the platform works off what there is to do: its queue and its workers; for staff."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.shared import access, htmx
from console.shared.access import Request
from syncjobs.queries.status import get_status


@require_safe
def workers(request: Request) -> HttpResponse:
    """Show what is due, waits and runs, and which workers are alive."""
    access.check_is_staff_or_404(request.user)
    status = get_status(timezone.now())
    context = {"status": status, "finished_count": sum(status.finished_24h.values())}
    return htmx.render(request, "platform/workers.html", context, workers_live="platform/_live.html")
