"""
The memory for what several targets read together, and what happens when it is used up.

Then downloads wait until the slowest reader has taken more, so that all go at one pace and nothing is read
twice; `patience` bounds for how long.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from time import monotonic
from typing import Protocol

from registries.transfer.patience import Party, Patience

_LOOK_SECONDS = 0.05


class Tenant(Protocol):
    """A download, as far as its memory is concerned."""

    moved: asyncio.Event

    def owed(self) -> Mapping[Party, int]:
        """Return how many of the bytes that it holds each party has still to take."""
        ...

    def readers(self) -> Iterator[tuple[Party, bool]]:
        """Yield who reads it, and whether that reader has nothing to do but wait."""
        ...

    def leave_behind(self, party: Party) -> None:
        """Hold nothing for the party any longer."""
        ...


class Room:
    """So many bytes for all downloads of an event loop; each may have a little more than there is room for."""

    def __init__(self, budget_bytes: int) -> None:
        self.budget_bytes = budget_bytes
        self.held_bytes = 0
        self.patience = Patience()
        self._tenants: set[Tenant] = set()
        self._waiting: set[Tenant] = set()
        self._looked_at = 0.0

    def enter(self, tenant: Tenant) -> None:
        """Count the download's readers among those who may hold up others."""
        self._tenants.add(tenant)

    def leave(self, tenant: Tenant) -> None:
        """Forget a download that holds nothing and will hold nothing."""
        self._tenants.discard(tenant)

    def has(self, size: int) -> bool:
        """Tell whether there is room for so many bytes more."""
        return self.held_bytes + size <= self.budget_bytes

    def take(self, size: int) -> None:
        """Count bytes that are held from now on."""
        self.held_bytes += size

    def give_back(self, size: int) -> None:
        """Count bytes that are held no longer, and tell those who wait for room."""
        self.held_bytes -= size
        for tenant in self._waiting:
            tenant.moved.set()

    async def wait(self, tenant: Tenant) -> None:
        """
        Wait until something has moved; the caller looks again whether there is room for it.

        A party that has held up others for too long is left behind by all downloads.
        """
        tenant.moved.clear()
        self._waiting.add(tenant)
        try:
            self._look()
            with suppress(TimeoutError):
                await asyncio.wait_for(tenant.moved.wait(), _LOOK_SECONDS)
        finally:
            self._waiting.discard(tenant)
            if not self._waiting:
                self.patience.wait_for(None)
                self._looked_at = 0.0

    def _look(self) -> None:
        """See who holds up others at this moment, twenty times a second at most."""
        now = monotonic()
        if now < self._looked_at + _LOOK_SECONDS:
            return
        self._looked_at = now
        owed: Counter[Party] = Counter()
        for tenant in self._tenants:
            owed.update(tenant.owed())
        slowest = max(owed, key=owed.__getitem__, default=None)
        if slowest is None or not self._starving() - {slowest}:
            self.patience.wait_for(None)
            return
        self.patience.wait_for(slowest)
        if self.patience.left(slowest) <= 0:
            self.patience.give_up(slowest)
            for tenant in list(self._tenants):
                tenant.leave_behind(slowest)

    def _starving(self) -> set[Party]:
        """Return who can do nothing but wait for downloads that wait for room."""
        waiting: set[Party] = set()
        busy: set[Party] = set()
        for tenant in self._tenants:
            for party, is_waiting in tenant.readers():
                (waiting if is_waiting and tenant in self._waiting else busy).add(party)
        return waiting - busy
