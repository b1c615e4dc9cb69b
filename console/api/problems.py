"""
What a program gets that may not, or whose request is wrong: `application/problem+json`, RFC 9457.

    {"type": "about:blank", "title": "Unprocessable Entity", "status": 422, "detail": "…",
     "errors": [{"field": "target", "message": "…"}], "request_id": "…"}

`errors` names the fields of the body or the parameters of the URL at fault; `field` is "" for all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from rest_framework.exceptions import APIException
from rest_framework.response import Response

from console.shared import errors as pages
from console.shared import logs
from registries.oci.errors import RegistryError
from registries.policies import Refused
from registries.services.access_credentials import CredentialRejected
from registries.services.stored_answers import KeyReused
from registries.throttling import TooManyRequests
from syncjobs import reasons

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"


class ProblemError(Exception):
    """A request that is answered with a problem; `errors` are (field, message)."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, detail: str = "", errors: list[tuple[str, str]] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []


class BadParameter(ProblemError):
    """A parameter of the URL or a header is none of its kind."""


class Invalid(ProblemError):
    """The body is JSON, but a form does not take it."""

    status = HTTPStatus.UNPROCESSABLE_ENTITY


class PreconditionFailed(ProblemError):
    """The object was changed since the ETag of If-Match was read."""

    status = HTTPStatus.PRECONDITION_FAILED


def errors_of(form: forms.Form) -> list[tuple[str, str]]:
    """Return what is wrong with a form, by field."""
    return [
        ("" if field == NON_FIELD_ERRORS else field, str(message))
        for field, messages in form.errors.items()
        for message in messages
    ]


def handle(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the answer to an exception of a view; None for one that nobody expected, which becomes a 500."""
    for kind, read in _READERS:
        if isinstance(error, kind):
            reading = read(error)
            body = _problem(reading.status, reading.detail, reading.errors)
            return Response(body, status=reading.status, headers=reading.headers, content_type=MEDIA_TYPE)
    return None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer 404 as the face does that was asked."""
    if not request.path.startswith(PREFIX):
        return pages.not_found(request, exception)
    return _plain(HTTPStatus.NOT_FOUND, _("There is nothing at this address."))


def too_large(request: HttpRequest) -> HttpResponse:
    """Answer 413 as the face does that was asked."""
    if not request.path.startswith(PREFIX):
        return pages.too_large(request)
    return _plain(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _("The body is too large."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500 as the face does that was asked."""
    if not request.path.startswith(PREFIX):
        return pages.server_error(request)
    return _plain(HTTPStatus.INTERNAL_SERVER_ERROR, _("Something went wrong on the server."))


@dataclass(frozen=True, slots=True)
class _Reading:
    """What is answered to an exception."""

    status: int
    detail: str
    errors: list[tuple[str, str]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


def _read_refusal(error: Refused) -> _Reading:
    named = [(error.field, str(error))] if error.field else []
    return _Reading(HTTPStatus.CONFLICT, str(error), named)


def _read_haste(error: TooManyRequests) -> _Reading:
    headers = {"Retry-After": str(error.wait_seconds)}
    return _Reading(HTTPStatus.TOO_MANY_REQUESTS, str(error), headers=headers)


def _read_registry(error: RegistryError) -> _Reading:
    """Say it in our words: the registry's own may name a backend, which tenants need not know."""
    words = _("The registry cannot be read: %(words)s") % {"words": reasons.text(error.code)}
    return _Reading(HTTPStatus.BAD_GATEWAY, words)


def _read_own(error: APIException) -> _Reading:
    challenge = getattr(error, "auth_header", None)
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return _Reading(error.status_code, str(error.detail), headers=headers)


_READERS: tuple[tuple[type[Exception], Callable[[Any], _Reading]], ...] = (
    (ProblemError, lambda error: _Reading(error.status, error.detail, error.errors)),
    (Http404, lambda _error: _Reading(HTTPStatus.NOT_FOUND, _("There is no such object."))),
    (
        PermissionDenied,
        lambda error: _Reading(HTTPStatus.FORBIDDEN, str(error) or _("You may not do this.")),
    ),
    (Refused, _read_refusal),
    (CredentialRejected, lambda error: _Reading(HTTPStatus.CONFLICT, str(error))),
    (
        KeyReused,
        lambda error: _Reading(
            HTTPStatus.UNPROCESSABLE_ENTITY, str(error), [("Idempotency-Key", str(error))]
        ),
    ),
    (TooManyRequests, _read_haste),
    (RegistryError, _read_registry),
    (APIException, _read_own),
)


def _problem(status: int, detail: str, errors: list[tuple[str, str]]) -> dict[str, Any]:
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": int(status),
        "detail": detail or (errors[0][1] if errors else ""),
        "errors": [{"field": field, "message": message} for field, message in errors],
        "request_id": logs.request_id.get(),
    }


def _plain(status: HTTPStatus, detail: str) -> HttpResponse:
    return HttpResponse(json.dumps(_problem(status, detail, [])), status=status, content_type=MEDIA_TYPE)
