"""
Limits how often somebody may ask for something, over all processes.

Time is cut into windows. A process reserves a twentieth of a window's requests at a time in the database and then
spends them from memory, so that a limit of 6000 a minute costs 20 writes and not 6000. No more than the limit is
ever let through in a window; what a process has reserved and not spent when the window ends is lost.
"""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction

from registries.models import ThrottleWindow

_BLOCKS = 20
_MOST_CALLERS = 10_000
_KEPT = timedelta(hours=1)
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `count` requests of one caller in each window of so many seconds; a count of 0 is no limit."""

    name: str
    count: int
    seconds: int = 60


class TooManyRequests(Exception):
    """The caller has used up the window; `wait_seconds` is how long until the next one begins."""

    def __init__(self, wait_seconds: int) -> None:
        super().__init__(f"Too many requests. Try again in {wait_seconds} s.")
        self.wait_seconds = wait_seconds


@dataclass(slots=True)
class _Purse:
    """What this process may still spend of one window."""

    number: int
    left_count: int = 0
    is_empty: bool = False
    """The window has nothing more to give."""


class Throttle:
    """The purses of one process; safe to call from several threads."""

    def __init__(self) -> None:
        self._purses: dict[str, _Purse] = {}
        self._lock = threading.Lock()

    def check(self, limit: Limit, caller: str, *, now: datetime) -> None:
        """Count a request of the caller; raises TooManyRequests if the window has no room for it."""
        if not limit.count:
            return
        seconds = now.timestamp()
        number = int(seconds // limit.seconds)
        name = f"{limit.name}:{caller}"[:120]
        with self._lock:
            purse = self._find_purse(name, number)
            if not purse.left_count and not purse.is_empty:
                wanted = max(1, limit.count // _BLOCKS)
                purse.left_count = _reserve(name, number, wanted, limit.count, now)
                purse.is_empty = not purse.left_count
            if not purse.left_count:
                raise TooManyRequests(max(1, math.ceil((number + 1) * limit.seconds - seconds)))
            purse.left_count -= 1

    def _find_purse(self, name: str, number: int) -> _Purse:
        purse = self._purses.get(name)
        if purse is None or purse.number != number:
            if len(self._purses) >= _MOST_CALLERS:
                self._purses = {key: one for key, one in self._purses.items() if one.number == number}
            if len(self._purses) >= _MOST_CALLERS:
                self._purses.clear()
            purse = self._purses[name] = _Purse(number)
        return purse


_throttle = Throttle()
check = _throttle.check


@transaction.atomic
def _reserve(name: str, number: int, wanted: int, limit_count: int, now: datetime) -> int:
    """Return how many of the wanted requests the window still had."""
    row, _is_new = ThrottleWindow.objects.select_for_update().get_or_create(
        name=name, defaults={"number": number, "updated_at": now}
    )
    if row.number < number:
        row.number, row.used_count = number, 0
    granted = max(0, min(wanted, limit_count - row.used_count))
    row.used_count += granted
    row.updated_at = now
    row.save()
    return granted


def prune(*, now: datetime) -> int:
    """Delete windows that ended long ago, 500 a call; return how many went. Safe to repeat."""
    old = ThrottleWindow.objects.filter(updated_at__lt=now - _KEPT).order_by("updated_at")
    ids = list(old.values_list("pk", flat=True)[:_BATCH])
    count, _per_model = ThrottleWindow.objects.filter(pk__in=ids, updated_at__lt=now - _KEPT).delete()
    return count
