"""
What a drain does beside its jobs: keeps their leases, looks for stop requests and pauses, and heeds the
supervisor's flag. Each act is repeated; one that fails is tried again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from syncjobs.drain import ledger
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.database import DatabaseThread
from syncjobs.drain.hand import Hand
from syncjobs.drain.recorder import Recorder

_HEARTBEAT_SECONDS = 5.0
_WATCH_SECONDS = 1.0
_GIVING_BACK_SECONDS = 10.0

log = logging.getLogger(__name__)


class Vigil:
    """Stands beside the jobs of one drain; use it as an async context manager."""

    def __init__(
        self, token: str, *, database: DatabaseThread, pool: ClientPool, hand: Hand, recorder: Recorder
    ) -> None:
        self._token = token
        self._database = database
        self._pool = pool
        self._hand = hand
        self._recorder = recorder
        self._shown_pauses: dict[int, tuple[datetime, str]] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Vigil:
        self._tasks = [
            asyncio.create_task(self._every(_HEARTBEAT_SECONDS, self._beat)),
            asyncio.create_task(self._every(_WATCH_SECONDS, self._watch)),
            asyncio.create_task(self._every(_WATCH_SECONDS, self._heed_flag)),
        ]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _beat(self) -> None:
        now = timezone.now()
        running = set(self._hand.assignments)
        mine = running | self._recorder.job_ids
        held = await self._database.run(ledger.extend_leases, token=self._token, job_ids=mine, now=now)
        lost = running - held
        if lost:
            log.warning("The leases of jobs %s are lost; another worker has them", sorted(lost))
            self._hand.cancel(lost)
        await self._database.run(
            ledger.beat,
            token=self._token,
            job_count=len(self._hand),
            endpoints=self._pool.addresses,
            now=now,
        )
        self._pool.share_limits(await self._database.run(ledger.worker_counts, now))

    async def _watch(self) -> None:
        executions = self._hand.execution_ids
        if executions:
            self._hand.stop(await self._database.run(ledger.find_stopped, executions))
        pauses = {
            assignment.execution_id: pause
            for assignment in self._hand.assignments.values()
            if (pause := self._pool.find_pause(assignment)) is not None
        }
        changed = {
            execution_id: pauses.get(execution_id)
            for execution_id in executions | set(self._shown_pauses)
            if pauses.get(execution_id) != self._shown_pauses.get(execution_id)
        }
        if changed:
            await self._database.run(ledger.show_pauses, changed)
        self._shown_pauses = pauses

    async def _heed_flag(self) -> None:
        """Give everything back shortly before the supervisor would cut it."""
        since = draining_since()
        grace = float(settings.WORKER_GRACE_SECONDS)
        if since is not None and time.time() - since >= grace - min(_GIVING_BACK_SECONDS, grace / 2):
            if len(self._hand) and not self._hand.is_giving_back:
                log.warning("The grace period is nearly over; giving %s jobs back", len(self._hand))
            self._hand.give_back()

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except Exception:
                log.exception("A periodic act of the drain failed; it is tried again")


def draining_since() -> float | None:
    """Return when the supervisor asked this machine's workers to take nothing new, None if it has not."""
    if not settings.DRAIN_FLAG:
        return None
    try:
        return Path(settings.DRAIN_FLAG).stat().st_mtime
    except OSError:
        return None
