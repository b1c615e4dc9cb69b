"""What everybody meets with while the platform is being worked on (`REGATTA_MAINTENANCE`)."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from console.shared import logs

_RETRY_SECONDS = 300
_STILL_ANSWERED = ("/healthz", "/readyz", "/metrics")


class MaintenanceMiddleware:
    """
    Answers 503 with `Retry-After` in the place of every page and API, without the database.

    Registries send their events again after a 503. What watches the processes is answered as always.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, or the page that says when to come back."""
        if not settings.MAINTENANCE or request.path.rstrip("/") in _STILL_ANSWERED:
            return self.get_response(request)
        page = render_to_string("errors/maintenance.html", {"request_id": logs.request_id.get()})
        return HttpResponse(
            page, status=HTTPStatus.SERVICE_UNAVAILABLE, headers={"Retry-After": str(_RETRY_SECONDS)}
        )
