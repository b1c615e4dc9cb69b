"""The two lines between a running copy and its caller: events out, the wish to stop in."""

import asyncio
import time
from collections.abc import Callable, Coroutine
from typing import Any

from registries.transfer.events import BytesCopied, Emit

_FLUSH_BYTES = 1024 * 1024
_FLUSH_SECONDS = 0.5
_POLL_SECONDS = 0.2


class Stopped(Exception):
    """The caller asked to stop; what was under way has been cleaned up."""


class Progress:
    """What one call of the engine reports to, and asks whether to go on."""

    __slots__ = ("emit", "is_stopping")

    def __init__(self, emit: Emit, is_stopping: Callable[[], bool]) -> None:
        self.emit = emit
        self.is_stopping = is_stopping

    def check(self) -> None:
        """Raise Stopped once the caller wants to stop."""
        if self.is_stopping():
            raise Stopped

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """
        Run the work to its end, or cancel it and raise Stopped as soon as the caller wants to stop.

        The work asks by itself where it can; this is for work that waits: for a slot, a pause, a registry
        that says nothing.
        """
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=_POLL_SECONDS))[0]:
                self.check()
            task.result()
        finally:
            if not task.done():
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


class Tally:
    """What one tag has cost and what should be said about it; filled while its graph is walked."""

    __slots__ = ("bytes_copied", "companion_count", "notes")

    def __init__(self) -> None:
        self.bytes_copied = 0
        self.companion_count = 0
        self.notes: list[str] = []


class Meter:
    """Counts the bytes of one blob into its tag, and reports them in lumps: rows are written from these."""

    __slots__ = ("_due_at", "_emit", "_pending", "_repository", "_tally")

    def __init__(self, repository: str, tally: Tally, emit: Emit) -> None:
        self._repository = repository
        self._tally = tally
        self._emit = emit
        self._pending = 0
        self._due_at = time.monotonic() + _FLUSH_SECONDS

    def count(self, size: int) -> None:
        """Count this many bytes; report once there are enough of them, or they are old enough."""
        self._pending += size
        if self._pending >= _FLUSH_BYTES or time.monotonic() >= self._due_at:
            self.flush()

    def flush(self) -> None:
        """Report what has not been reported."""
        if self._pending:
            self._tally.bytes_copied += self._pending
            self._emit(BytesCopied(self._repository, self._pending))
            self._pending = 0
        self._due_at = time.monotonic() + _FLUSH_SECONDS
