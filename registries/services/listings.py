"""
Asks the registry of an instance, live, what it holds; its repositories a window at a time.

The registry's own order is kept; whoever turns pages while somebody pushes may see a name twice or miss it.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from django.utils.translation import gettext as _

from registries import permissions
from registries.models import Instance, Permission, User
from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import Stalled
from registries.oci.exchange import Timeouts
from registries.oci.retry import RetryPolicy
from registries.policies import Refused
from registries.services import connections
from registries.vault import VaultError

_SECONDS = 20
_AT_ONCE = 4
_TIMEOUTS = Timeouts(connect_seconds=8.0, stall_seconds=10.0)
_RETRY = RetryPolicy(attempts=2, throttled_attempts=1)

_turns = threading.BoundedSemaphore(_AT_ONCE)

Found = TypeVar("Found")


class Busy(Refused):
    """Too many are asking registries at the moment."""


@dataclass(frozen=True, slots=True)
class Window:
    """Some names of a long list; `has_more` says that others follow."""

    names: list[str]
    has_more: bool


def list_repositories(*, instance: Instance, by: User | None, start: int, count: int) -> Window:
    """
    Return the names of repositories, without the instance's prefix, from the `start`-th on.

    Raises what `ask` raises.
    """
    return ask(instance=instance, by=by, act=lambda client: _take(client.list_repositories(), start, count))


def ask(
    *,
    instance: Instance,
    by: User | None,
    act: Callable[[RegistryClient], Awaitable[Found]],
    permission: Permission = Permission.VIEW,
    seconds: float = _SECONDS,
) -> Found:
    """
    Return what `act` finds out with a client of the instance's registry; with VIEW it only reads.

    Takes `seconds` at most. Not for code that runs in an event loop, nor inside a transaction.

    Raises PermissionDenied unless `by` holds the permission, RegistryError if the registry does not tell, and
    Busy if too many are asking, Refused if the stored credential does not open.
    """
    permissions.check(by, permission, instance)
    try:
        endpoint = instance.endpoint()
    except VaultError:
        raise Refused(_("A stored secret cannot be opened; its key is missing from the key ring.")) from None
    if not _turns.acquire(blocking=False):
        raise Busy(_("Several lists are being read. Try again in a few seconds."))
    try:
        return asyncio.run(_act(endpoint, act, seconds))
    except TimeoutError:
        raise Stalled("no answer in time") from None
    finally:
        _turns.release()


async def _act(
    endpoint: Endpoint, act: Callable[[RegistryClient], Awaitable[Found]], seconds: float
) -> Found:
    async with (
        asyncio.timeout(seconds),
        connections.open_client(endpoint, timeouts=_TIMEOUTS, retry=_RETRY) as client,
    ):
        return await act(client)


async def _take(pages: AsyncIterator[list[str]], start: int, count: int) -> Window:
    taken: list[str] = []
    seen_count = 0
    async for names in pages:
        skipped = max(0, start - seen_count)
        seen_count += len(names)
        taken += names[skipped : skipped + count + 1]
        if len(taken) > count:
            break
    return Window(taken[:count], has_more=len(taken) > count)
