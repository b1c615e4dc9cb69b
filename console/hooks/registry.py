"""
What a registry tells of pushes and deletions.

`POST /hooks/registries/<instance id>` is for a connected instance, `POST /hooks/backends/<code>` for all that a
backend holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import wraps

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from console.hooks import formats
from console.shared import throttling as answers
from registries import throttling
from registries.models import Instance
from registries.services import hooks
from registries.throttling import Limit, TooManyRequests
from syncjobs.services import intake
from syncjobs.services.intake import Notice

MOST_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


class _Refusal(Exception):
    """The notification is not taken; with the status and the sentence of the answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


def _answering(receive: Callable[..., int]) -> Callable[..., JsonResponse]:
    """Turn the count of events that were taken, or why none was, into the answer."""

    @csrf_exempt
    @login_not_required
    @require_POST
    @wraps(receive)
    def view(request: HttpRequest, **names: str) -> JsonResponse:
        try:
            return JsonResponse({"accepted": receive(request, **names)}, status=202)
        except TooManyRequests as refusal:
            return answers.refuse(refusal)
        except _Refusal as refusal:
            answer = JsonResponse({"error": str(refusal)}, status=refusal.status)
            if refusal.status == 401:
                answer.headers["WWW-Authenticate"] = hooks.SCHEME
            return answer

    return view


@_answering
def receive_of_instance(request: HttpRequest, instance_id: str) -> int:
    """
    Store the events of an instance's registry; what they mean is decided in a second transaction.

    If that one fails, the answer is the same: the events are safe, and `tick` comes back to them.
    """
    now = _begin(request)
    instance = hooks.find_authorized(instance_id=instance_id, authorization=_authorization_of(request))
    if instance is None:
        raise _Refusal(401, "The instance ID or the secret is wrong.")
    throttling.check(Limit("hook-instance", settings.HOOKS_PER_MINUTE), instance.instance_id, now=now)
    notices = formats.place(_read(request), instance.prefix)
    return _take({instance: notices}, now)


@_answering
def receive_of_backend(request: HttpRequest, backend_code: str) -> int:
    """Store the events of a backend's registry, each for the instance under whose prefix it happened, if any."""
    now = _begin(request)
    backend = hooks.find_authorized_backend(code=backend_code, authorization=_authorization_of(request))
    if backend is None:
        raise _Refusal(401, "The code of the backend or the secret is wrong.")
    notices = _read(request)
    hosted = hooks.list_hosted(backend, (notice.repository for notice in notices))
    return _take({instance: formats.place(notices, instance.prefix) for instance in hosted}, now)


def _begin(request: HttpRequest) -> datetime:
    now = timezone.now()
    throttling.check(Limit("hook-address", settings.HOOKS_PER_MINUTE), answers.caller_address(), now=now)
    return now


def _authorization_of(request: HttpRequest) -> str:
    return request.headers.get("Authorization", "")


def _read(request: HttpRequest) -> list[Notice]:
    try:
        is_too_large = int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES
    except ValueError:
        raise _Refusal(400, "The Content-Length is no number.") from None
    if is_too_large:
        raise _Refusal(413, f"The body is larger than {MOST_BYTES} bytes.")
    try:
        return formats.parse(request.body)
    except formats.MalformedError as malformed:
        raise _Refusal(400, str(malformed)) from None


def _take(told: Mapping[Instance, Sequence[Notice]], now: datetime) -> int:
    """Store what was told, then try to handle it; return how many events there were."""
    with_news = {instance: notices for instance, notices in told.items() if notices}
    for instance, notices in with_news.items():
        intake.receive(instance=instance, notices=notices, now=now)
    for instance in with_news:
        try:
            intake.handle(instance_pk=instance.pk, now=now)
        except Exception:
            log.exception("Events of %s are stored, and handled later", instance.instance_id)
    return sum(map(len, with_news.values()))
