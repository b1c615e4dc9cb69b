"""Removes everything from one repository: manifests by digest, and with them the tags that name them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from registries.oci.client import RegistryClient
from registries.oci.errors import NotFound, PermanentError, RegistryError, UnauthorizedError
from registries.oci.manifest import Descriptor, Manifest
from registries.transfer.events import Emit, TagFinished, failed
from registries.transfer.progress import Stopped
from registries.transfer.route import AT_TARGET
from registries.transfer.together import for_each

_MOST_AT_ONCE = 16


@dataclass(frozen=True, slots=True)
class Removed:
    """How many manifests are gone, and which blobs, with how many bytes, nothing in the repository needs now."""

    manifests: int
    blobs: int
    blob_bytes: int


class RepositoryRemoval:
    """
    Empties one repository.

    What a manifest contains goes before it, since it is found through it: so whoever continues after a removal
    that was cut finds all that is left. Manifests that no tag leads to cannot be found and stay.
    """

    def __init__(
        self, client: RegistryClient, repository: str, *, emit: Emit, is_stopping: Callable[[], bool]
    ) -> None:
        self._client = client
        self._repository = repository
        self._emit = emit
        self._is_stopping = is_stopping
        self._manifests: dict[str, None] = {}
        self._blobs: dict[str, int] = {}
        self._gone_count = 0
        self._lists_referrers = True

    async def run(self) -> Removed:
        """
        Delete all that the tags lead to, and tell of each tag; safe to repeat.

        Raises Stopped, and the RegistryError that nothing else would survive either.
        """
        with AT_TARGET:
            tags = [tag async for page in self._client.list_tags(self._repository) for tag in page]
            roots: dict[str, str] = {}
            await for_each(tags, partial(self._resolve, roots), limit=_MOST_AT_ONCE)
            digests = dict.fromkeys(roots.values())
            await self._walk(list(digests))
            below = [digest for digest in reversed(self._manifests) if digest not in digests]
            refused: list[str] = []
            await for_each(below, partial(self._delete_early, refused), limit=_MOST_AT_ONCE)
            failures: dict[str, RegistryError] = {}
            await for_each([*digests, *refused], partial(self._delete, failures), limit=_MOST_AT_ONCE)
            await for_each(tags, partial(self._finish, roots, failures), limit=_MOST_AT_ONCE)
        return Removed(self._gone_count, len(self._blobs), sum(self._blobs.values()))

    async def _resolve(self, roots: dict[str, str], tag: str) -> None:
        self._check()
        found = await self._client.find_manifest(self._repository, tag)
        if found is not None:
            roots[tag] = found.digest

    async def _walk(self, digests: list[str]) -> None:
        """Find the manifests below and beside these, and the blobs that they name."""
        queue = digests
        while queue:
            self._manifests.update(dict.fromkeys(queue))
            below: dict[str, None] = {}
            await for_each(queue, partial(self._look_into, below), limit=_MOST_AT_ONCE)
            queue = [digest for digest in below if digest not in self._manifests]

    async def _look_into(self, below: dict[str, None], digest: str) -> None:
        self._check()
        try:
            manifest: Manifest = await self._client.get_manifest(self._repository, digest)
        except PermanentError:  # of an unknown or broken kind: it goes, and what it names stays
            return
        self._blobs |= {blob.digest: blob.size for blob in manifest.blobs if not blob.urls}
        below.update(dict.fromkeys(child.digest for child in manifest.manifests))
        below.update(dict.fromkeys(found.digest for found in await self._referrers(digest)))

    async def _referrers(self, digest: str) -> Iterable[Descriptor]:
        if not self._lists_referrers:
            return ()
        try:
            found = await self._client.list_referrers(self._repository, digest)
        except (PermanentError, UnauthorizedError):
            found = None
        self._lists_referrers = found is not None
        return found or ()

    async def _delete_early(self, refused: list[str], digest: str) -> None:
        """Delete what another manifest needs; some registries allow that only when the other is gone."""
        self._check()
        try:
            self._gone_count += await self._client.delete_manifest(self._repository, digest)
        except PermanentError:
            refused.append(digest)

    async def _delete(self, failures: dict[str, RegistryError], digest: str) -> None:
        self._check()
        try:
            self._gone_count += await self._client.delete_manifest(self._repository, digest)
        except PermanentError as error:
            failures[digest] = error

    async def _finish(self, roots: dict[str, str], failures: dict[str, RegistryError], tag: str) -> None:
        """Tell what became of a tag; one that outlived its manifest is deleted by name."""
        digest = roots.get(tag)
        error = failures.get(digest or "")
        if error is None:
            try:
                if await self._client.find_manifest(self._repository, tag) is not None:
                    await self._client.delete_manifest(self._repository, tag)
            except NotFound:
                pass
            except PermanentError as refusal:
                error = refusal
        if error is not None:
            error.side = "target"
            self._emit(failed(self._repository, tag, error))
        else:
            self._emit(TagFinished(self._repository, tag, "deleted", digest=digest))

    def _check(self) -> None:
        if self._is_stopping():
            raise Stopped
