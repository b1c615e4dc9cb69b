"""The first page: what there is, and how the last day went."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.shared import access, htmx
from console.shared.access import Request
from syncjobs.queries import overview


@require_safe
def show(request: Request) -> HttpResponse:
    """Show the overview, or what to do first where nothing exists yet."""
    context = {
        "overview": overview.overview(request.user, timezone.now()),
        "can_create": access.can_create_instances(request.user),
    }
    return htmx.render(request, "overview/show.html", context, overview_live="overview/_live.html")
