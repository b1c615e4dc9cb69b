"""Does what a program asks for once, however often it asks under one key (the header Idempotency-Key)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from registries.models import StoredAnswer, User

KEPT = timedelta(days=1)


class KeyReused(Exception):
    """The key was used for another request; the message is fit for the user."""

    def __init__(self) -> None:
        super().__init__(_("This Idempotency-Key was used for another request. Choose a new one."))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered; `is_repeated` says that it was stored before."""

    status: int
    body: dict[str, Any]
    is_repeated: bool = False


@transaction.atomic
def once(*, user: User, key: str, request_digest: str, act: Callable[[], Answer], now: datetime) -> Answer:
    """
    Return what `act` answers, or what it answered before to the same request of the user under this key.

    What `act` does and its answer are stored together or not at all: if it raises, the key is free again. A second
    request under the key waits for the first one to end.

    Raises KeyReused if another request had the key within a day.
    """
    StoredAnswer.objects.filter(user=user, created_at__lte=now - KEPT).delete()
    try:
        with transaction.atomic():
            stored = StoredAnswer.objects.create(
                user=user, key=key, request_digest=request_digest, created_at=now
            )
    except IntegrityError:
        earlier = StoredAnswer.objects.get(user=user, key=key)
        if earlier.request_digest != request_digest:
            raise KeyReused from None
        return Answer(earlier.status, earlier.body, is_repeated=True)
    answer = act()
    stored.status, stored.body = answer.status, answer.body
    stored.save(update_fields=["status", "body"])
    return answer
