"""What a caller gets who asks too often: 429, and when to come back. The counting is `registries/throttling.py`."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from http import HTTPStatus

from django.http import JsonResponse

from registries.origin import client_address
from registries.throttling import TooManyRequests

_NOWHERE = "socket"


def caller_address() -> str:
    """
    Return what stands for the address of the present request: an IPv4 address, or a /64 of IPv6.

    A /64 is what one customer of a provider has. Requests over a Unix socket without a proxy are one caller.
    """
    address = client_address.get()
    if address is None:
        return _NOWHERE
    is_whole = ipaddress.ip_address(address).version == 4
    return address if is_whole else str(ipaddress.ip_network((address, 64), strict=False))


def refuse(refusal: TooManyRequests, body: Mapping[str, object] | None = None) -> JsonResponse:
    """Return the answer 429 with Retry-After; `body` replaces `{"error": sentence}` in faces of another form."""
    answer = JsonResponse(dict(body or {"error": str(refusal)}), status=HTTPStatus.TOO_MANY_REQUESTS)
    answer.headers["Retry-After"] = str(refusal.wait_seconds)
    return answer
