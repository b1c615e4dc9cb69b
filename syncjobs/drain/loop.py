"""
A drain: claims due jobs in batches, runs them in one event loop, keeps their leases, until nothing is due.

It holds no state that matters: killed at any moment, its leases run out and another drain takes over. A
database that goes away costs it nothing: jobs run on, and what they did is written once it is back.
Source: design/workers.md items 2, 3 and 6.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
import uuid
from collections.abc import Callable

from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone

from registries.oci.errors import RegistryError
from syncjobs import queue, reasons
from syncjobs.drain import jobs, ledger
from syncjobs.drain.assignment import Assignment, Reason, Refusal
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.database import DatabaseThread
from syncjobs.drain.hand import Hand
from syncjobs.drain.recorder import Ending, JobRecord, Recorder
from syncjobs.drain.vigil import Vigil, draining_since

SLICE_SECONDS = 30.0
MOST_JOBS = 64
_INTERACTIVE_RESERVE = 8
_BATCH_ROOM = 6
_FLUSH_SECONDS = 1.0
_LOOK_SECONDS = 0.5
_LONGEST_OUTAGE_SECONDS = 300.0
_AWAY = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


class Drain:
    """One pass of one worker process over the table of due jobs."""

    def __init__(self, pool: ClientPool, database: DatabaseThread) -> None:
        self.token = uuid.uuid4().hex
        self._name = ledger.drain_name(os.getpgrp(), os.getpid())
        self._database = database
        self._recorder = Recorder(self.token)
        self._pool = pool
        self._hand = Hand()
        self._flushed_at = time.monotonic()
        self._looked_at = 0.0
        self._found_some = True

    async def run(self) -> None:
        """Work until nothing is due; after the time slice, finish what is in hand and ring for another drain."""
        await self._database.run(ledger.sign_in, name=self._name, token=self.token, now=timezone.now())
        vigil = Vigil(
            self.token, database=self._database, pool=self._pool, hand=self._hand, recorder=self._recorder
        )
        async with vigil:
            try:
                await self._work(ends_at=time.monotonic() + SLICE_SECONDS)
            finally:
                await self._hand.drop()
                await self._patiently(lambda: self._recorder.flush(timezone.now()))
        await self._patiently(self._sign_out)

    async def _work(self, *, ends_at: float) -> None:
        while True:
            may_claim = time.monotonic() < ends_at and draining_since() is None
            claimed = await self._claim() if may_claim and self._is_worth_looking() else 0
            if not claimed and not len(self._hand):
                return
            await self._hand.wait(_LOOK_SECONDS)
            if time.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
                await self._flush()

    def _is_worth_looking(self) -> bool:
        """Look for due jobs while there are some and room for several, or now and then: a look costs a query."""
        bulk_room = MOST_JOBS - _INTERACTIVE_RESERVE - len(self._hand)
        is_overdue = time.monotonic() - self._looked_at >= _LOOK_SECONDS
        return not len(self._hand) or (self._found_some and bulk_room >= _BATCH_ROOM) or is_overdue

    async def _claim(self) -> int:
        self._looked_at = time.monotonic()
        room = MOST_JOBS - len(self._hand)
        if room <= 0:
            return 0
        try:
            claimed = await self._database.run(
                ledger.claim,
                token=self.token,
                interactive_room=room,
                bulk_room=room - _INTERACTIVE_RESERVE,
                takes_suspect=not self._hand.has_suspect,
                now=timezone.now(),
            )
        except _AWAY as error:
            log.warning("The database is away, nothing new is taken: %s", error)
            await asyncio.sleep(1)
            return 0
        for item in claimed:
            if isinstance(item, Refusal):
                self._recorder.refuse(item)
            else:
                self._pool.note_limits(item)
                self._hand.start(item, self._run_job(item, self._recorder.open(item)))
        self._found_some = bool(claimed)
        return len(claimed)

    async def _run_job(self, assignment: Assignment, record: JobRecord) -> None:
        try:
            ending = await self._ending(assignment, record)
        except asyncio.CancelledError:
            if not self._hand.is_giving_back or not assignment.is_discovery:
                self._recorder.drop(record)
                raise
            ending = Ending("again")
        except _AWAY as error:
            log.warning("Job %s waits for the database: %s", assignment.job_id, error)
            ending = Ending("again")
        except Exception:
            log.exception("Job %s failed unexpectedly", assignment.job_id)
            ending = Ending("failed", Reason(reasons.INTERNAL))
        if ending.how == "stopped" and not self._hand.is_stopped(assignment):
            ending = Ending("again")
        self._recorder.close(record, ending)
        if assignment.is_suspect:
            self._flushed_at = 0.0  # written before the next suspect, which may take this process with it

    async def _ending(self, assignment: Assignment, record: JobRecord) -> Ending:
        if not assignment.is_discovery:
            is_stopping = self._hand.stopper(assignment)
            return await jobs.copy(assignment, record, self._pool, is_stopping=is_stopping)
        try:
            found = await jobs.discover(assignment, self._pool)
        except RegistryError as error:
            error.side = error.side or "source"
            return jobs.ending_of_error(assignment, error)
        now = timezone.now()
        for code, refused in found.refused.items():
            await self._database.run(ledger.open_failures, assignment, refused, Reason(code), now)
        await self._database.run(ledger.open_copies, assignment, found.edges, now, found.deletions)
        if len(found.edges) > MOST_JOBS:
            await self._database.run(queue.ring_all)
        return found.ending

    async def _flush(self) -> None:
        self._flushed_at = time.monotonic()
        try:
            await self._database.run(self._recorder.flush, timezone.now())
        except _AWAY as error:
            log.warning("The database is away, what was done is written later: %s", error)

    async def _patiently(self, act: Callable[[], None]) -> None:
        """Do what ends a drain; while the database is away, wait for it, under leases that may run out."""
        gives_up_at = time.monotonic() + _LONGEST_OUTAGE_SECONDS
        while True:
            try:
                await self._database.run(act)
                return
            except _AWAY as error:
                log.warning("The database is away, trying again: %s", error)
                if time.monotonic() > gives_up_at or draining_since() is not None:
                    return
            await asyncio.sleep(1)

    def _sign_out(self) -> None:
        if ledger.has_due(timezone.now()):
            queue.ring()
        ledger.sign_out(token=self.token)
