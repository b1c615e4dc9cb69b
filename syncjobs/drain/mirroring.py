"""
What only mirrors do: find what has to be made equal and what goes, and look again at what was copied.

No database. Copying itself is `jobs`, as for rules.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass

from registries.oci.client import RegistryClient
from registries.oci.digest import algorithm_of
from registries.oci.reference import is_repository
from registries.transfer.engine import Stopped
from registries.transfer.events import Emit, Event, TagFinished
from registries.transfer.route import AT_SOURCE, AT_TARGET, Blame
from registries.transfer.together import both, for_each
from syncjobs import planner
from syncjobs.drain.assignment import Assignment
from syncjobs.drain.clients import ClientPool
from syncjobs.planner import MirrorPlan

_MOST_AT_ONCE = 16


async def plan(assignment: Assignment, pool: ClientPool) -> MirrorPlan:
    """
    Return what makes the replica equal to its primary, and what the safety brake forbids.

    Raises RegistryError if either side refuses a list: nothing is concluded from what was not said.
    """
    primary, replica = pool.client(assignment.source), pool.client(assignment.target)
    listed, held = await both(list_repositories(primary, AT_SOURCE), list_repositories(replica, AT_TARGET))
    source: dict[str, frozenset[str]] = dict.fromkeys(listed, frozenset())
    target: dict[str, frozenset[str]] = {}

    async def look(repository: str) -> None:
        tags = await list_tags(replica, repository, AT_TARGET)
        if not tags:
            return
        target[repository] = tags
        found = await list_tags(primary, repository, AT_SOURCE)
        if found or repository in source:
            source[repository] = found

    await for_each(held, look, limit=_MOST_AT_ONCE)
    return planner.plan_mirror(source, target, is_confirmed=assignment.is_confirmed)


async def list_repositories(client: RegistryClient, side: Blame) -> list[str]:
    """Return the catalogue of a registry, but for names that no registry could serve. Raises RegistryError."""
    with side:
        return [name for name in await _collect(client.list_repositories()) if is_repository(name)]


async def list_tags(client: RegistryClient, repository: str, side: Blame) -> frozenset[str]:
    """Return all tags of a repository; one that does not exist has none. Raises RegistryError."""
    with side:
        return frozenset(await _collect(client.list_tags(repository)))


class Copied:
    """Passes events on, and remembers what was copied."""

    def __init__(self, emit: Emit) -> None:
        self._emit = emit
        self.digests: dict[str, str] = {}

    def emit(self, event: Event) -> None:
        """Take one event of the engine."""
        if isinstance(event, TagFinished) and event.status == "copied" and event.digest is not None:
            self.digests[event.tag] = event.digest
        self._emit(event)


@dataclass(frozen=True, slots=True)
class Since:
    """What became of tags at the primary while they were copied."""

    gone: tuple[str, ...]
    moved: tuple[str, ...]


async def look_again(
    assignment: Assignment,
    pool: ClientPool,
    digests: Mapping[str, str],
    *,
    is_stopping: Callable[[], bool],
) -> Since:
    """
    Return which tags are gone from the primary, or have moved, since they were copied with these digests.

    Another job may have deleted or moved such a tag at the replica already. Then this one was the last to
    write, and what it wrote is old.

    Raises Stopped, and RegistryError if the primary does not say.
    """
    primary = pool.client(assignment.source)
    gone: list[str] = []
    moved: list[str] = []

    async def look(tag: str) -> None:
        if is_stopping():
            raise Stopped
        with AT_SOURCE:
            found = await primary.find_manifest(assignment.source_repository, tag)
        if found is None:
            gone.append(tag)
        elif found.digest != digests[tag] and algorithm_of(found.digest) == algorithm_of(digests[tag]):
            moved.append(tag)

    await for_each(digests, look, limit=_MOST_AT_ONCE)
    return Since(tuple(gone), tuple(moved))


async def _collect(pages: AsyncIterator[list[str]]) -> list[str]:
    return [name async for page in pages for name in page]
