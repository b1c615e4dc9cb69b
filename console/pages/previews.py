"""What a run of a rule would do now: on a page of its own, and below the form of a rule."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from console.shared import access, errors
from console.shared.access import Request
from registries import permissions
from registries.models import Permission
from syncjobs.services import previews


@require_http_methods(["GET", "POST"])
def show(request: Request, rule_id: int) -> HttpResponse:
    """Offer the preview of a stored rule, and show it after a POST: it makes both registries work."""
    rule = access.get_rule_or_404(request.user, rule_id)
    permissions.check(request.user, Permission.SYNCHRONIZE, rule.source)
    preview = None
    if request.method == "POST":
        with errors.RefusalsAsMessages(request):
            preview = previews.preview(rule=rule, by=request.user, now=timezone.now())
    return render(request, "rules/preview.html", {"rule": rule, "preview": preview})


def is_wanted(request: HttpRequest) -> bool:
    """Tell whether the form of a rule was sent with the button that previews it and saves nothing."""
    return request.method == "POST" and "preview" in request.POST
