"""`POST /hooks/registries/<instance id>`: what a registry tells of pushes and deletions."""

from __future__ import annotations

import logging

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from console.hooks import formats
from console.shared import throttling as answers
from registries import throttling
from registries.services import hooks
from registries.throttling import Limit, TooManyRequests
from syncjobs.services import intake

MOST_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


@csrf_exempt
@login_not_required
@require_POST
def receive(request: HttpRequest, instance_id: str) -> JsonResponse:
    """
    Store the events of a registry and answer 202; what they mean is decided in a second transaction.

    If that one fails, the answer is the same: the events are safe, and `tick` comes back to them.
    """
    try:
        return _receive(request, instance_id)
    except TooManyRequests as refusal:
        return answers.refuse(refusal)


def _receive(request: HttpRequest, instance_id: str) -> JsonResponse:
    now = timezone.now()
    most = settings.HOOKS_PER_MINUTE
    throttling.check(Limit("hook-address", most), answers.caller_address(), now=now)
    instance = hooks.find_authorized(
        instance_id=instance_id, authorization=request.headers.get("Authorization", "")
    )
    if instance is None:
        answer = _refuse(401, "The instance ID or the secret is wrong.")
        answer.headers["WWW-Authenticate"] = hooks.SCHEME
        return answer
    throttling.check(Limit("hook-instance", most), instance.instance_id, now=now)
    try:
        is_too_large = int(request.META.get("CONTENT_LENGTH") or 0) > MOST_BYTES
    except ValueError:
        return _refuse(400, "The Content-Length is no number.")
    if is_too_large:
        return _refuse(413, f"The body is larger than {MOST_BYTES} bytes.")
    try:
        notices = formats.parse(request.body, prefix=instance.prefix)
    except formats.MalformedError as malformed:
        return _refuse(400, str(malformed))
    if notices:
        intake.receive(instance=instance, notices=notices, now=now)
        try:
            intake.handle(instance_pk=instance.pk, now=now)
        except Exception:
            log.exception("Events of %s are stored, and handled later", instance.instance_id)
    return JsonResponse({"accepted": len(notices)}, status=202)


def _refuse(status: int, sentence: str) -> JsonResponse:
    return JsonResponse({"error": sentence}, status=status)
