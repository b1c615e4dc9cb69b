"""
Tells calls of the cloud API from requests of the console, which both come to `/`, and answers them.

It stands before everything that would answer in another form: redirects to HTTPS, the check of the Host header, CSRF,
sign-in. The answer is always HTTP 200 with exactly `Content-Type: application/json`; otherwise official SDKs lose
the code of an error.

Source: reference/tencent-api.md 0 (1 to 4) and 2.4.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from console.cloud import dispatching, envelopes, errors
from console.cloud.envelopes import Envelope
from console.cloud.errors import CloudError
from console.shared import logs
from console.shared import throttling as callers
from registries import throttling
from registries.throttling import Limit

VERSION = "2019-09-24"

log = logging.getLogger(__name__)


class CloudMiddleware:
    """Answers what is a call; hands everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the answer to a call, or the console's response."""
        envelope = envelopes.find(request) if request.path_info == "/" else None
        return self.get_response(request) if envelope is None else answer(envelope)


def answer(envelope: Envelope) -> JsonResponse:
    """Return the response to a call, whatever goes wrong."""
    request_id = _request_id()
    with translation.override(envelope.language):
        try:
            fields = _perform(envelope, timezone.now())
        except Exception as error:
            fields = {"Error": _describe(error)}
    response = JsonResponse({"Response": {**fields, "RequestId": request_id}})
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _perform(envelope: Envelope, now: datetime) -> dict[str, Any]:
    limit = settings.CLOUD_PER_MINUTE
    throttling.check(Limit("cloud-address", limit), callers.caller_address(), now=now)
    key = envelopes.authenticate(envelope, now)
    throttling.check(Limit("cloud-user", limit), str(key.user_id), now=now)
    common = envelope.common
    if not common.get("Version"):
        raise errors.missing("Version")
    if common["Version"] != VERSION:
        raise CloudError("NoSuchVersion", _("The version served is %(version)s.") % {"version": VERSION})
    return dispatching.perform(
        common.get("Action", ""),
        user=key.user,
        values=envelope.values(),
        region=common.get("Region", ""),
        now=now,
    )


def _describe(error: Exception) -> dict[str, str]:
    known = errors.translate(error)
    if known is None:
        log.exception("A call of the cloud API failed")
        known = CloudError("InternalError", _("Something went wrong. The request's ID is in the log."))
    return {"Code": known.code, "Message": str(known)}


def _request_id() -> str:
    """Return the request's ID as a UUID: that of the log, unless the caller chose one of another form."""
    try:
        return str(uuid.UUID(logs.request_id.get()))
    except ValueError:
        return str(uuid.uuid4())
