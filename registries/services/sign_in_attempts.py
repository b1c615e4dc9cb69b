"""
Slows down whoever guesses passwords: per name and per address, over all processes.

An attempt is counted before the password is looked at, so that a hundred at the same moment count as a hundred.
What happens depends on the name that was typed, never on whether somebody has it.
"""

from __future__ import annotations

import hashlib
import ipaddress
import math
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from registries import audit
from registries.models import SignInThrottle, User
from registries.origin import client_address
from registries.policies import Refused

WINDOW = timedelta(hours=1)
"""After so long a rest, counting begins anew."""

_STRANGER = "unknown"


@dataclass(frozen=True, slots=True)
class Pace:
    """How many attempts are free of any delay, and the longest delay; each one between doubles it."""

    free_count: int
    longest: timedelta

    def delay(self, attempt_count: int) -> timedelta:
        """Return how long nothing more is taken after so many attempts."""
        doublings = attempt_count - self.free_count
        if doublings < 0:
            return timedelta()
        return min(timedelta(seconds=2 ** min(doublings + 1, 20)), self.longest)


BY_NAME = Pace(free_count=5, longest=timedelta(minutes=5))
BY_ADDRESS = Pace(free_count=20, longest=timedelta(minutes=15))
"""Many people may share an address, and an attacker may use up a name that is not theirs."""


class TooManyAttempts(Refused):
    """Nothing is taken for this name or from this address for a while; the message says how long."""

    def __init__(self, wait: timedelta) -> None:
        self.wait_seconds = max(1, math.ceil(wait.total_seconds()))
        super().__init__(
            _("Too many attempts to sign in. Wait %(seconds)d seconds and try again.")
            % {"seconds": self.wait_seconds}
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that has been counted: the name as it was typed, and where it was counted."""

    name: str
    keys: tuple[tuple[str, Pace], ...]


@transaction.atomic
def begin(*, name: str, now: datetime) -> Attempt:
    """Count an attempt to sign in with this name from the caller's address; raises TooManyAttempts."""
    SignInThrottle.objects.filter(last_attempt_at__lt=now - WINDOW, blocked_until__lt=now).delete()
    attempt = Attempt(name, _keys_of(name))
    rows = [_lock(key, now) for key, _pace in attempt.keys]
    wait = max(row.blocked_until - now for row in rows)
    if wait > timedelta():
        raise TooManyAttempts(wait)
    for row, (_key, pace) in zip(rows, attempt.keys, strict=True):
        row.attempt_count += 1
        row.last_attempt_at = now
        row.blocked_until = now + pace.delay(row.attempt_count)
        row.save()
    return attempt


@transaction.atomic
def succeed(attempt: Attempt, *, now: datetime) -> None:
    """Forget the attempts for this name, and this one from the address: earlier failures there still count."""
    for key, pace in attempt.keys:
        row = _lock(key, now)
        row.attempt_count = 0 if pace is BY_NAME else max(0, row.attempt_count - 1)
        row.blocked_until = now
        row.save()


def fail(attempt: Attempt, *, now: datetime) -> None:
    """
    Write the failure to the audit log of the one user who was meant, if there is exactly one.

    A name that nobody has is not written down: people type passwords there.
    """
    meant = list(
        User.objects.filter(Q(login=attempt.name) | Q(username=attempt.name)).select_related("account")[:2]
    )
    user = meant[0] if len(meant) == 1 else User(login=_STRANGER)
    audit.record(
        audit.Verb.SESSION_REFUSED,
        by=None,
        actor_name=_STRANGER,
        target=user,
        account=user.account,
        now=now,
    )


def _lock(key: str, now: datetime) -> SignInThrottle:
    row, _is_new = SignInThrottle.objects.select_for_update().get_or_create(
        key=key, defaults={"last_attempt_at": now, "blocked_until": now}
    )
    return row


def _keys_of(name: str) -> tuple[tuple[str, Pace], ...]:
    digest = hashlib.sha256(name.strip().casefold().encode(errors="replace")).hexdigest()
    keys = [(f"name:{digest}", BY_NAME)]
    address = client_address.get()
    if address:
        keys.append((f"address:{_network_of(address)}", BY_ADDRESS))
    return tuple(keys)


def _network_of(address: str) -> str:
    """Return what one customer of a provider has: an IPv4 address, or a /64 of IPv6."""
    version = ipaddress.ip_address(address).version
    return address if version == 4 else str(ipaddress.ip_network((address, 64), strict=False))
