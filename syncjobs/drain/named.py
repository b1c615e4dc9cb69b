"""
Tags that an event named. By the time a job runs they may be gone from the source, or be back: what the source
says then is what counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from registries.transfer.engine import Stopped
from registries.transfer.events import Emit, Event, TagFinished
from registries.transfer.route import AT_SOURCE
from registries.transfer.together import for_each
from syncjobs.drain.assignment import Assignment
from syncjobs.drain.clients import ClientPool

_MOST_AT_ONCE = 16


async def find_gone(
    assignment: Assignment, pool: ClientPool, tags: Iterable[str], *, is_stopping: Callable[[], bool]
) -> set[str]:
    """
    Return those of the tags that the source repository does not have.

    Raises Stopped, and RegistryError if the source does not say.
    """
    gone: set[str] = set()

    async def look(tag: str) -> None:
        if is_stopping():
            raise Stopped
        with AT_SOURCE:
            found = await pool.client(assignment.source).find_manifest(assignment.source_repository, tag)
        if found is None:
            gone.add(tag)

    wanted = list(dict.fromkeys(tags))
    await for_each(wanted, look, limit=min(len(wanted), _MOST_AT_ONCE))
    return gone


class Doubts:
    """Passes events on, but for failures of tags that may have been deleted: those wait for `settle`."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self._doubtful: dict[str, TagFinished] = {}

    def emit(self, event: Event) -> None:
        """Take one event of the engine."""
        is_doubtful = isinstance(event, TagFinished) and (event.status, event.reason, event.side) == (
            "failed",
            "not_found",
            "source",
        )
        if is_doubtful and isinstance(event, TagFinished):
            self._doubtful[event.tag] = event
        else:
            self._emit(event)

    async def settle(
        self, assignment: Assignment, pool: ClientPool, *, is_stopping: Callable[[], bool]
    ) -> None:
        """Pass on what was kept back: a tag that is gone was skipped, one that misses a part has failed."""
        gone = await find_gone(assignment, pool, self._doubtful, is_stopping=is_stopping)
        for tag, event in self._doubtful.items():
            self._emit(replace(event, status="skipped") if tag in gone else event)
        self._doubtful.clear()
