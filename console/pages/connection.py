"""Tests the connection to an instance's registry, step by step. The stored address and credential are used."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from console.shared import access
from console.shared.access import Request
from registries import permissions
from registries.models import Permission
from registries.services import connections


@require_http_methods(["GET", "POST"])
def show(request: Request, instance_id: str) -> HttpResponse:
    """Offer the test, and after a POST show what became of each step."""
    instance = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.MANAGE, instance)
    report = None
    if request.method == "POST":
        report = connections.test(instance=instance, by=request.user, now=timezone.now())
    return render(request, "connections/show.html", {"instance": instance, "report": report})
