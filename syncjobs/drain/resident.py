"""
What a worker process keeps between drains: its event loop, its registry connections, its database thread.

A push then finds connections open and tokens fetched. Outside a worker process nothing is kept.
"""

from __future__ import annotations

import asyncio
import multiprocessing

import uvloop

from registries.services import connections
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.database import DatabaseThread
from syncjobs.drain.loop import Drain


class Resident:
    """Runs drains one after another in one event loop; call `close` at the end."""

    def __init__(self) -> None:
        self._runner = asyncio.Runner(loop_factory=uvloop.new_event_loop)
        self._pool = ClientPool(connections.guard())
        self._database = DatabaseThread()

    def drain(self) -> None:
        """Work on due jobs until none is left or the time slice is over."""
        self._runner.run(self._drain())

    def close(self) -> None:
        """Close all connections and the event loop."""
        self._runner.run(self._aclose())
        self._runner.close()

    async def _drain(self) -> None:
        try:
            await Drain(self._pool, self._database).run()
        finally:
            await self._pool.rest()

    async def _aclose(self) -> None:
        await self._pool.aclose()
        await self._database.close()


_kept: list[Resident] = []


def drain() -> None:
    """Drain with what this process keeps; a process that is no worker of a cluster keeps nothing."""
    if multiprocessing.parent_process() is None:
        resident = Resident()
        try:
            resident.drain()
        finally:
            resident.close()
        return
    if not _kept:
        _kept.append(Resident())
    _kept[0].drain()
