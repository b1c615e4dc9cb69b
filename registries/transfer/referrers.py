"""
Takes along what others have attached to a manifest: signatures, SBOMs, and what is attached to those.

Tags of cosign are not its business; they are tags, and `repository.py` copies them like any other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from registries.oci.client import RegistryClient
from registries.oci.errors import NotFound, PermanentError, RegistryError, UnauthorizedError
from registries.oci.manifest import Descriptor, Manifest
from registries.oci.reference import fallback_tag
from registries.transfer import fallback
from registries.transfer.route import AT_SOURCE, AT_TARGET, Blame
from registries.transfer.together import together
from registries.transfer.walk import Walk


@dataclass(slots=True)
class Listing:
    """
    What refers to one manifest at the source.

    `index` is the manifest that says so where the source has no referrers API.
    """

    subject: str
    referrers: Sequence[Descriptor] = ()
    index: Manifest | None = None


class Referrers:
    """The attachments of one tag's graph."""

    def __init__(self, walk: Walk) -> None:
        self._walk = walk
        self._lane = walk.lane
        self._listings: dict[str, Listing] = {}
        self._refused: dict[str, tuple[Descriptor, RegistryError]] = {}

    async def bring(self, digests: Sequence[str]) -> None:
        """
        Copy what refers to these manifests, and what refers to that, and so on, each once.

        What the target refuses for good is kept for `bring_refused`.
        """
        seen = set(digests)
        queue = list(digests)
        while queue:
            listings = [Listing(digest) for digest in queue]
            await together([self._list(listing) for listing in listings])
            fresh: dict[str, Descriptor] = {}
            for listing in listings:
                if listing.referrers:
                    self._listings[listing.subject] = listing
                    fresh |= {found.digest: found for found in listing.referrers if found.digest not in seen}
            await together([self._copy(descriptor) for descriptor in fresh.values()])
            below = [child for digest in fresh for child in self._lane.nested.get(digest, ())]
            queue = [digest for digest in dict.fromkeys([*fresh, *below]) if digest not in seen]
            seen.update(queue)

    async def bring_refused(self) -> None:
        """
        Try once more what was refused: some registries take a referrer only after its subject.

        A referrer that is refused again is noted, and does not make the tag a failure.
        """
        again = [descriptor for descriptor, error in self._refused.values() if error.side == "target"]
        for descriptor in again:
            del self._refused[descriptor.digest]
        await together([self._copy_late(descriptor) for descriptor in again])
        for digest, (_, error) in self._refused.items():
            self._note(f"the referrer {digest[:19]} was not copied", error)

    async def record(self) -> None:
        """Make the target list what was brought since the last call, where it does not do so by itself."""
        unlisted, self._walk.unlisted = self._walk.unlisted, {}
        listings, self._listings = self._listings, {}
        for subject, listing in listings.items():
            arrived = [found for found in listing.referrers if found.digest in self._lane.present]
            if arrived and not await self._indexes_subjects(subject):
                index = listing.index if len(arrived) == len(listing.referrers) else None
                await self._record(subject, arrived, index)
            unlisted.pop(subject, None)
        for subject, descriptors in unlisted.items():
            await self._record(subject, descriptors, None)

    async def _record(self, subject: str, referrers: Sequence[Descriptor], verbatim: Manifest | None) -> None:
        try:
            await fallback.record(self._lane, subject, referrers, verbatim=verbatim)
        except PermanentError as error:
            self._note(f"the target does not list the referrers of {subject[:19]}", error)

    def _note(self, what: str, error: RegistryError) -> None:
        self._walk.tally.notes.append(f"{what}: {error.code} at the {error.side}")

    async def _copy(self, descriptor: Descriptor) -> None:
        try:
            await self._walk.ensure(descriptor)
        except PermanentError as error:
            self._refused[descriptor.digest] = (descriptor, error)

    async def _copy_late(self, descriptor: Descriptor) -> None:
        """Copy a referrer after its tag: whatever happens, the tag is there and will not be copied again."""
        try:
            await self._copy(descriptor)
        except RegistryError as error:
            self._refused[descriptor.digest] = (descriptor, error)

    async def _list(self, listing: Listing) -> None:
        lane, route = self._lane, self._lane.route
        lane.progress.check()
        if route.has_referrers_api is None:
            async with route.first_listing:
                found = await self._ask(listing.subject)
        else:
            found = await self._ask(listing.subject)
        if found is not None:
            listing.referrers = found
            return
        tag = fallback_tag(listing.subject)
        if lane.source_tags is not None and tag not in lane.source_tags:
            return
        with AT_SOURCE:
            try:
                index = await route.source.get_manifest(lane.source_repository, tag)
            except PermanentError as error:
                if not isinstance(error, NotFound):
                    self._note(f"{tag} cannot be read", error)
                return
        if index.is_index:
            listing.referrers = index.manifests
            listing.index = index

    async def _ask(self, subject: str) -> list[Descriptor] | None:
        """Ask the source's referrers API; None if there is none, which is asked only once."""
        route = self._lane.route
        if route.has_referrers_api is False:
            return None
        found = await _list_referrers(route.source, self._lane.source_repository, subject, AT_SOURCE)
        route.has_referrers_api = found is not None
        return found

    async def _indexes_subjects(self, subject: str) -> bool:
        """Tell whether the target lists referrers itself; asked only if no manifest was written that told."""
        route = self._lane.route
        if route.indexes_subjects is None:
            found = await _list_referrers(route.target, self._lane.target_repository, subject, AT_TARGET)
            route.indexes_subjects = found is not None
        return route.indexes_subjects


async def _list_referrers(
    client: RegistryClient, repository: str, subject: str, side: Blame
) -> list[Descriptor] | None:
    """
    Ask a registry's referrers API; None if there is none.

    Registries that don't know it refuse it in many ways; credentials that were good for the manifest are not
    at fault.
    """
    with side:
        try:
            return await client.list_referrers(repository, subject)
        except (PermanentError, UnauthorizedError):
            return None
