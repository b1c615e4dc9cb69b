"""Refuses bodies that are larger than any form or notification of ours, before they are read."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import get_resolver


class BodyLimitMiddleware:
    """
    Answers 413, as `handler413` of the URLs does, to a request whose Content-Length is above
    DATA_UPLOAD_MAX_MEMORY_SIZE.

    Django itself only counts what is no file; nothing here takes files, so that a large one is only a burden. A
    body without a Content-Length is not read at all (WSGI).
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, or the refusal."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        if (
            length.isascii()
            and length.isdecimal()
            and int(length[:20]) > settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        ):
            answer: HttpResponse = get_resolver().resolve_error_handler(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)(
                request
            )
            return answer
        return self.get_response(request)
