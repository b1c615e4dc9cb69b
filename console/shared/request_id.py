"""
Names every request, so that what a user reports, a log line and an audit event can be brought together.

It also tells the audit log where the request came from.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from console.shared import logs
from registries import origin

_HEADER = "X-Request-ID"
_ACCEPTED = re.compile(r"[A-Za-z0-9._-]{8,64}")


class RequestIdMiddleware:
    """Keeps the caller's `X-Request-ID` if it is a sensible one, makes one otherwise, and answers with it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response, with the header that names the request."""
        offered = request.headers.get(_HEADER, "")
        request_id = offered if _ACCEPTED.fullmatch(offered) else uuid.uuid4().hex
        id_token = logs.request_id.set(request_id)
        address_token = origin.client_address.set(find_client_address(request))
        try:
            response = self.get_response(request)
        finally:
            origin.client_address.reset(address_token)
            logs.request_id.reset(id_token)
        response.headers[_HEADER] = request_id
        return response


def find_client_address(request: HttpRequest) -> str | None:
    """
    Return the address of the client, or None where the connection has none (a Unix socket).

    Behind a trusted proxy it is the last address of `X-Forwarded-For`, the one that this proxy added itself.
    """
    address = str(request.META.get("REMOTE_ADDR", ""))
    if settings.SECURE_PROXY_SSL_HEADER:
        address = request.headers.get("X-Forwarded-For", address).rpartition(",")[2]
    try:
        return str(ipaddress.ip_address(address.strip()))
    except ValueError:
        return None
