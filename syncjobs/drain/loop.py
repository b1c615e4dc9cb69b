"""
A drain: claims due jobs in batches, runs them in one event loop, keeps their leases, until nothing is due.

It holds no state that matters: killed at any moment, its leases run out and another drain takes over.
Source: design/workers.md items 2, 3 and 6.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

from django.conf import settings
from django.utils import timezone

from registries.oci.errors import RegistryError
from registries.services import connections
from syncjobs import queue, reasons
from syncjobs.drain import jobs, ledger
from syncjobs.drain.assignment import Assignment, Reason, Refusal
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.database import DatabaseThread
from syncjobs.drain.recorder import Ending, JobRecord, Recorder

SLICE_SECONDS = 30.0
MOST_JOBS = 32
_INTERACTIVE_RESERVE = 8
_HEARTBEAT_SECONDS = 5.0
_WATCH_SECONDS = 1.0
_FLUSH_SECONDS = 1.0
_LOOK_SECONDS = 0.2

log = logging.getLogger(__name__)


class Drain:
    """One pass of one worker process over the table of due jobs."""

    def __init__(self) -> None:
        self.token = uuid.uuid4().hex
        self._name = f"{socket.gethostname()}:{os.getpid()}"
        self._database = DatabaseThread()
        self._recorder = Recorder(self.token)
        self._pool = ClientPool(connections.guard())
        self._running: dict[int, asyncio.Task[None]] = {}
        self._assignments: dict[int, Assignment] = {}
        self._shown_pauses: dict[int, tuple[datetime, str]] = {}
        self._stopping: set[int] = set()
        self._progress = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._flushed_at = 0.0

    async def run(self) -> None:
        """Work until nothing is due; after the time slice, finish what is in hand and ring for another drain."""
        await self._database.run(ledger.sign_in, name=self._name, token=self.token, now=timezone.now())
        companions = [
            asyncio.create_task(self._every(_HEARTBEAT_SECONDS, self._beat)),
            asyncio.create_task(self._every(_WATCH_SECONDS, self._watch)),
        ]
        try:
            async with self._pool:
                await self._work(ends_at=time.monotonic() + SLICE_SECONDS)
        finally:
            for companion in companions:
                companion.cancel()
            await asyncio.gather(*companions, return_exceptions=True)
            await self._flush()
            if await self._database.run(ledger.has_due, timezone.now()):
                await self._database.run(queue.ring)
            await self._database.run(ledger.sign_out, token=self.token)
            await self._database.close()

    async def _work(self, *, ends_at: float) -> None:
        while True:
            may_claim = time.monotonic() < ends_at and not is_draining()
            claimed = await self._claim() if may_claim else 0
            if not claimed and not self._running:
                return
            await self._wait()
            if self._recorder.has_endings or time.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
                await self._flush()

    async def _wait(self) -> None:
        self._progress.clear()
        try:
            await asyncio.wait_for(self._progress.wait(), timeout=_LOOK_SECONDS)
        except TimeoutError:
            return

    async def _claim(self) -> int:
        room = MOST_JOBS - len(self._running)
        claimed = await self._database.run(
            ledger.claim,
            token=self.token,
            interactive_room=room,
            bulk_room=room - _INTERACTIVE_RESERVE,
            now=timezone.now(),
        )
        for item in claimed:
            if isinstance(item, Refusal):
                self._recorder.refuse(item)
            else:
                self._start(item)
        return len(claimed)

    def _start(self, assignment: Assignment) -> None:
        self._pool.note_limits(assignment)
        record = self._recorder.open(assignment)
        task = asyncio.create_task(self._run_job(assignment, record))
        self._running[assignment.job_id] = task
        self._assignments[assignment.job_id] = assignment
        task.add_done_callback(lambda _task: self._finished(assignment.job_id))

    def _finished(self, job_id: int) -> None:
        del self._running[job_id]
        del self._assignments[job_id]
        self._progress.set()

    async def _run_job(self, assignment: Assignment, record: JobRecord) -> None:
        try:
            ending = await self._ending(assignment, record)
        except asyncio.CancelledError:
            self._recorder.drop(record)
            raise
        except Exception:
            log.exception("Job %s failed unexpectedly", assignment.job_id)
            ending = Ending("failed", Reason(reasons.INTERNAL))
        self._recorder.close(record, ending)

    async def _ending(self, assignment: Assignment, record: JobRecord) -> Ending:
        if not assignment.is_discovery:
            return await jobs.copy(
                assignment, record, self._pool, is_stopping=lambda: assignment.execution_id in self._stopping
            )
        try:
            plan = await jobs.discover(assignment, self._pool)
        except RegistryError as error:
            error.side = error.side or "source"
            return jobs.ending_of_error(assignment, error)
        now = timezone.now()
        for code, refused in plan.refused.items():
            await self._database.run(ledger.open_failures, assignment, refused, Reason(code), now)
        edges = plan.copyable
        await self._database.run(ledger.open_copies, assignment, edges, now)
        if len(edges) > MOST_JOBS:
            await self._database.run(queue.ring_all)
        return Ending("done")

    async def _beat(self) -> None:
        now = timezone.now()
        held = await self._database.run(ledger.extend_leases, token=self.token, now=now)
        await self._database.run(
            ledger.beat,
            token=self.token,
            job_count=len(self._running),
            endpoints=self._pool.addresses,
            now=now,
        )
        self._pool.share_limits(await self._database.run(ledger.worker_counts, now))
        for job_id in set(self._running) - held:
            if job_id in self._running:
                log.warning("The lease of job %s is lost; another worker has it", job_id)
                self._running[job_id].cancel()

    async def _watch(self) -> None:
        assignments = list(self._assignments.values())
        if not assignments:
            return
        executions = {assignment.execution_id for assignment in assignments}
        self._stopping |= await self._database.run(ledger.find_stopped, executions)
        pauses = {
            assignment.execution_id: pause
            for assignment in assignments
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

    async def _flush(self) -> None:
        async with self._flushing:
            self._flushed_at = time.monotonic()
            await self._database.run(self._recorder.flush, timezone.now())

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await act()
            except Exception:
                log.exception("A periodic act of the drain failed; it is tried again")


def is_draining() -> bool:
    """Return whether the supervisor asked this machine's workers to take nothing new."""
    return bool(settings.DRAIN_FLAG) and Path(settings.DRAIN_FLAG).exists()
