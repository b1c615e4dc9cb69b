"""
What a user sees when something is refused or goes wrong.

Refusals of services become messages; the rest becomes a page that names the request, so that it can be found
in the logs.
"""

from __future__ import annotations

from http import HTTPStatus
from types import TracebackType

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _

from console.shared import logs
from registries.policies import Refused
from registries.services.access_credentials import CredentialRejected

REFUSALS = (Refused, PermissionDenied, CredentialRejected)
"""What services raise when they don't do what a user asked for."""


class RefusalsAsMessages:
    """Turns a service's refusal into a message for the user; what follows the `with` block goes on."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> bool:
        if not isinstance(error, REFUSALS):
            return False
        messages.error(self._request, reason_of(error))
        return True


def reason_of(refusal: Exception) -> str:
    """Return the words of a refusal."""
    return str(refusal) or _("You may not do this.")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the 400 page."""
    return _page(
        request, HTTPStatus.BAD_REQUEST, _("Bad request"), _("The server could not understand the request.")
    )


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the 403 page, with the reason that a service gave."""
    reason = str(exception) or _("You may not see this page.")
    return _page(request, HTTPStatus.FORBIDDEN, _("Not allowed"), reason)


def too_large(_request: HttpRequest) -> HttpResponse:
    """Answer 413 in plain text: it is refused before anybody knows who asks."""
    return HttpResponse(
        _("The body is too large."), status=HTTPStatus.REQUEST_ENTITY_TOO_LARGE, content_type="text/plain"
    )


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Show the 404 page."""
    return _page(
        request,
        HTTPStatus.NOT_FOUND,
        _("Not found"),
        _("There is no such page, or it belongs to something that was deleted."),
    )


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Show the 403 page for a form that was too old, or sent from elsewhere."""
    return _page(
        request,
        HTTPStatus.FORBIDDEN,
        _("This form has expired"),
        _("Go back, reload the page and send the form again. Cookies must be switched on."),
    )


def server_error(request: HttpRequest) -> HttpResponse:
    """Show the 500 page, which needs neither the database nor the session."""
    page = render_to_string("errors/server_error.html", {"request_id": logs.request_id.get()})
    return HttpResponse(page, status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _page(request: HttpRequest, status: HTTPStatus, title: str, text: str) -> HttpResponse:
    user = getattr(request, "user", None)
    layout = "base.html" if user and user.is_authenticated else "plain.html"
    context = {"layout": layout, "status": status.value, "title": title, "text": text}
    return render(request, "errors/error.html", context, status=status.value)
