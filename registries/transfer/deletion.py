"""Deletes tags at the target and no others, even where the registry deletes only by digest."""

from collections.abc import Iterable
from functools import partial

from registries.oci.errors import NotFound, RegistryError, Throttled, UnauthorizedError
from registries.oci.manifest import Descriptor
from registries.oci.media_types import INDEXES
from registries.transfer.events import TagFinished, failed
from registries.transfer.progress import Progress
from registries.transfer.route import AT_TARGET, Route, list_target
from registries.transfer.together import for_each, together

_BY_TAG_REFUSED = (400, 405)


class TagDeletion:
    """One call of `Engine.delete_tags`."""

    def __init__(self, route: Route, repository: str, tags: Iterable[str], progress: Progress) -> None:
        self._route = route
        self._repository = repository
        self._tags = list(dict.fromkeys(tags))
        self._progress = progress

    async def run(self) -> None:
        """
        Delete the tags by name, or those by digest whose digest nothing else in the repository needs.

        Raises the RegistryError that no other tag would survive either.
        """
        remaining = iter(self._tags)
        undeletable: list[str] = []
        # The first one finds out whether the registry knows deletion by tag, before all others ask in vain.
        for tag in remaining:
            await self._delete_by_name(tag, undeletable)
            break
        delete = partial(self._work, undeletable)
        await for_each(remaining, delete, limit=self._route.budget.max_tags)
        if undeletable:
            await self._delete_by_digest(undeletable)

    async def _work(self, undeletable: list[str], tag: str) -> None:
        async with self._route.budget.tag():
            await self._delete_by_name(tag, undeletable)

    async def _delete_by_name(self, tag: str, undeletable: list[str]) -> None:
        if not self._route.deletes_by_tag:
            undeletable.append(tag)
            return
        try:
            # Some registries that delete only by digest say of a tag that there is no such manifest.
            is_gone = await self._delete(tag) or await self._find(tag) is None
        except RegistryError as error:
            if error.status not in _BY_TAG_REFUSED:
                self._fail(tag, error)
                return
            is_gone = False
        if is_gone:
            self._progress.emit(TagFinished(self._repository, tag, "deleted"))
        else:
            self._route.deletes_by_tag = False
            undeletable.append(tag)

    async def _delete_by_digest(self, tags: list[str]) -> None:
        doomed = await self._find_all(tags)
        self._progress.check()
        listed = await list_target(self._route, self._repository)
        survivors = await self._find_all(sorted(listed - set(tags)))
        needed = await self._digests_below(survivors.values())
        for tag in tags:
            if tag not in doomed:
                self._progress.emit(TagFinished(self._repository, tag, "deleted"))
        by_digest: dict[str, list[str]] = {}
        for tag, descriptor in doomed.items():
            by_digest.setdefault(descriptor.digest, []).append(tag)
        await together([self._delete_all_of(digest, names, needed) for digest, names in by_digest.items()])

    async def _delete_all_of(self, digest: str, tags: list[str], needed: set[str]) -> None:
        if digest in needed:
            for tag in tags:
                self._progress.emit(
                    TagFinished(
                        self._repository,
                        tag,
                        "failed",
                        digest=digest,
                        reason="tag_delete_unsupported",
                        detail="the registry deletes only by digest, and other tags need this one",
                        side="target",
                    )
                )
            return
        try:
            await self._delete(digest)
        except RegistryError as error:
            for tag in tags:
                self._fail(tag, error)
        else:
            for tag in tags:
                self._progress.emit(TagFinished(self._repository, tag, "deleted", digest=digest))

    async def _delete(self, reference: str) -> bool:
        """Delete; False if it was not there."""
        self._progress.check()
        with AT_TARGET:
            return await self._route.target.delete_manifest(self._repository, reference)

    async def _find(self, tag: str) -> Descriptor | None:
        self._progress.check()
        with AT_TARGET:
            return await self._route.target.find_manifest(self._repository, tag)

    def _fail(self, tag: str, error: RegistryError) -> None:
        self._progress.emit(failed(self._repository, tag, error))
        if isinstance(error, UnauthorizedError | Throttled):
            raise error

    async def _find_all(self, tags: Iterable[str]) -> dict[str, Descriptor]:
        """Return what the tags point at; those that are gone are left out."""
        found: dict[str, Descriptor] = {}

        async def find(tag: str) -> None:
            async with self._route.budget.tag():
                descriptor = await self._find(tag)
            if descriptor is not None:
                found[tag] = descriptor

        await for_each(tags, find, limit=self._route.budget.max_tags)
        return found

    async def _digests_below(self, roots: Iterable[Descriptor]) -> set[str]:
        """Return the digests of these manifests and of all that their indexes list."""
        needed: set[str] = set()
        queue = list(roots)
        while queue:
            descriptor = queue.pop()
            if descriptor.digest in needed:
                continue
            needed.add(descriptor.digest)
            if descriptor.media_type not in INDEXES:
                continue
            self._progress.check()
            with AT_TARGET:
                try:
                    index = await self._route.target.get_manifest(self._repository, descriptor.digest)
                except NotFound:
                    continue
            queue += index.manifests
        return needed
