"""A drift check: compares the digest of every tag of one repository. No database, and nothing is changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

from registries.oci.client import RegistryClient
from registries.oci.digest import algorithm_of
from registries.oci.manifest import Descriptor
from registries.transfer.engine import Stopped
from registries.transfer.events import Emit, TagFinished
from registries.transfer.route import AT_SOURCE, AT_TARGET
from registries.transfer.together import both, for_each
from syncjobs import planner, reasons
from syncjobs.drain import mirroring
from syncjobs.drain.assignment import Assignment
from syncjobs.drain.clients import ClientPool

_MOST_AT_ONCE = 16
_SECOND_LOOK_SECONDS = 2.0


async def compare(
    assignment: Assignment, pool: ClientPool, *, emit: Emit, is_stopping: Callable[[], bool]
) -> None:
    """
    Tell of each tag that it is equal, or as skipped in what it differs.

    What differs is looked at once more a little later, because it may just be on its way.

    Raises Stopped, and RegistryError if either side does not say.
    """
    primary, replica = pool.client(assignment.source), pool.client(assignment.target)
    repository = assignment.source_repository
    source, target = await both(
        mirroring.list_tags(primary, repository, AT_SOURCE),
        mirroring.list_tags(replica, repository, AT_TARGET),
    )
    comparison = Comparison(primary, replica, repository, is_stopping)
    tags = {*source, *planner.surplus_tags(source, target)}
    found = await comparison.run(tags)
    differing = {tag for tag, difference in found.items() if difference}
    if differing:
        await asyncio.sleep(_SECOND_LOOK_SECONDS)
        found |= await comparison.run(differing)
    for tag in sorted(found, key=planner.natural_key):
        if found[tag]:
            emit(TagFinished(repository, tag, "skipped", reason=found[tag]))
        else:
            emit(TagFinished(repository, tag, "up_to_date"))


class Comparison:
    """Compares tags of one repository of two registries."""

    def __init__(
        self,
        primary: RegistryClient,
        replica: RegistryClient,
        repository: str,
        is_stopping: Callable[[], bool],
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._repository = repository
        self._is_stopping = is_stopping

    async def run(self, tags: Collection[str]) -> dict[str, str]:
        """Return by tag the reason code of its difference, "" if there is none, or if neither side has it."""
        found: dict[str, str] = {}

        async def look(tag: str) -> None:
            if self._is_stopping():
                raise Stopped
            source, target = await both(self._find(self._primary, tag), self._find(self._replica, tag))
            if source is not None or target is not None:
                found[tag] = await self._difference(tag, source, target)

        await for_each(tags, look, limit=_MOST_AT_ONCE)
        return {tag: found.get(tag, "") for tag in tags}

    async def _difference(self, tag: str, source: Descriptor | None, target: Descriptor | None) -> str:
        if target is None:
            return reasons.DRIFT_MISSING
        if source is None:
            return reasons.DRIFT_SURPLUS
        if source.digest == target.digest:
            return ""
        if algorithm_of(source.digest) == algorithm_of(target.digest):
            return reasons.DRIFT_DIFFERENT
        ours, theirs = await both(
            self._primary.get_manifest(self._repository, tag),
            self._replica.get_manifest(self._repository, tag),
        )
        return "" if ours.content == theirs.content else reasons.DRIFT_DIFFERENT

    async def _find(self, client: RegistryClient, tag: str) -> Descriptor | None:
        with AT_SOURCE if client is self._primary else AT_TARGET:
            return await client.find_manifest(self._repository, tag)
