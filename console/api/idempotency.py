"""
The header Idempotency-Key: a program that got no answer asks again, and nothing happens twice.

The answer is kept for a day, for each user; a refusal is not kept. Source: draft-ietf-httpapi-idempotency-key-header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.problems import BadParameter
from console.api.view import user_of
from registries.services import stored_answers
from registries.services.stored_answers import Answer

HEADER = "Idempotency-Key"
_KEY = re.compile(r"[\x21-\x7e]{1,200}", re.ASCII)


def once(request: Request, act: Callable[[], dict[str, Any]]) -> Response:
    """
    Answer 202 with what `act` returns; asked again under the same key, with the answer of the first time.

    Raises BadParameter for a key that is none, and KeyReused for the key of another request.
    """
    key = request.headers.get(HEADER)
    if key is None:
        return Response(act(), status=HTTPStatus.ACCEPTED)
    if not _KEY.fullmatch(key):
        raise BadParameter(errors=[(HEADER, _("Use 1 to 200 visible ASCII characters."))])
    answer = stored_answers.once(
        user=user_of(request),
        key=key,
        request_digest=_digest_of(request),
        act=lambda: Answer(HTTPStatus.ACCEPTED, act()),
        now=timezone.now(),
    )
    headers = {"Idempotency-Replayed": "true"} if answer.is_repeated else {}
    return Response(answer.body, status=answer.status, headers=headers)


def _digest_of(request: Request) -> str:
    said = json.dumps([request.method, request.path, request.data], sort_keys=True)
    return hashlib.sha256(said.encode("utf-8", "surrogatepass")).hexdigest()
