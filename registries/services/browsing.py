"""
Looks into one repository of an instance, live: all its tags, and what the tags of one page name.

Nothing is kept: who turns a page asks the registry again. Bounded in time (`listings.ask`), in the number of names,
of manifests and of requests at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from registries.models import Instance, User
from registries.oci.client import RegistryClient
from registries.oci.errors import NotFound, PermanentError, RegistryError, Throttled, UnauthorizedError
from registries.oci.manifest import Descriptor, Manifest
from registries.oci.reference import fallback_tag
from registries.services import listings
from registries.transfer.graph import attachable, cosign_tags, is_companion

MAX_NAMES = 20_000
"""So many repositories or tags are read; what lies beyond is reported as left out."""

_MAX_CHILDREN = 100
_AT_ONCE = 6


@dataclass(frozen=True, slots=True)
class Names:
    """The names a registry listed, in its own order; `is_cut` says that there are more than were read."""

    names: list[str]
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Attachment:
    """What refers to an artifact: the type as its maker declared it, or the suffix of cosign's tag; its digest."""

    artifact_type: str
    digest: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class TagDetail:
    """
    What a tag names. `code` is that of the error if the manifest could not be read; then the rest is empty.

    `size` is what a pull of all platforms would move, in bytes; None if the parts of an index are too many to ask
    for. `kind` is "image" or "chart"; `artifact_type` the declared type of anything else, "" for those two.
    `platforms` are texts such as `linux/arm64/v8`.
    """

    tag: str
    digest: str = ""
    media_type: str = ""
    kind: str = ""
    artifact_type: str = ""
    size: int | None = None
    platforms: tuple[str, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    code: str = ""


@dataclass(frozen=True, slots=True)
class Shelf:
    """
    One page of a repository: the tags that were chosen, in that order, and how many there are.

    `companion_count` counts the tags that tools made to attach something; they are among the tags only if asked for.
    """

    tags: list[TagDetail]
    names: Names
    companion_count: int


def list_repositories(*, instance: Instance, by: User | None) -> Names:
    """Return the repositories, without the instance's prefix. Raises what `listings.ask` raises."""
    return listings.ask(instance=instance, by=by, act=lambda client: collect(client.list_repositories()))


def read_repository(
    *,
    instance: Instance,
    repository: str,
    by: User | None,
    choose: Callable[[list[str]], Sequence[str]],
    with_companions: bool = False,
) -> Shelf:
    """
    Return what the tags name that `choose` picks out of all; a repository that does not exist has none.

    Raises what `listings.ask` raises; a single manifest that cannot be read is told in its `TagDetail`.
    """

    async def read(client: RegistryClient) -> Shelf:
        found = await collect(client.list_tags(repository))
        companions = {tag for tag in found.names if is_companion(tag)}
        own = found.names if with_companions else [tag for tag in found.names if tag not in companions]
        details = await _Reader(client, repository, companions).read(choose(own))
        return Shelf(details, Names(own, found.is_cut), len(companions))

    return listings.ask(instance=instance, by=by, act=read)


async def collect(pages: AsyncIterator[list[str]]) -> Names:
    """Read the pages of a list, each name once, up to MAX_NAMES."""
    names: dict[str, None] = {}
    async for page in pages:
        names |= dict.fromkeys(page)
        if len(names) > MAX_NAMES:
            return Names(list(names)[:MAX_NAMES], is_cut=True)
    return Names(list(names))


@dataclass(slots=True)
class _Reader:
    """Reads the manifests of one page, a few at once, each digest once."""

    client: RegistryClient
    repository: str
    companions: set[str]
    _room: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(_AT_ONCE))
    _children_left: int = _MAX_CHILDREN
    _has_referrers: bool = True

    async def read(self, tags: Iterable[str]) -> list[TagDetail]:
        wanted = list(tags)
        if not wanted:
            return []
        # The first one alone: it shows whether the registry has a referrers API, and whether it lets us read.
        first = await self._detail(wanted[0])
        rest = await asyncio.gather(*map(self._detail, wanted[1:]))
        return [first, *rest]

    async def _detail(self, tag: str) -> TagDetail:
        try:
            async with self._room:
                manifest = await self.client.get_manifest(self.repository, tag)
            size, kind = await self._weigh(manifest)
            attachments = await self._attachments(manifest.digest)
        except (PermanentError, UnauthorizedError) as error:
            return TagDetail(tag, code=error.code)
        return TagDetail(
            tag,
            digest=manifest.digest,
            media_type=manifest.media_type,
            kind=kind,
            artifact_type=_declared_type(manifest),
            size=size,
            platforms=tuple(_platforms(manifest)),
            attachments=attachments,
        )

    async def _weigh(self, manifest: Manifest) -> tuple[int | None, str]:
        """Return the bytes of everything below the manifest, and the kind of artifact."""
        if not manifest.is_index:
            return len(manifest.content) + _size_of(manifest.blobs), manifest.kind
        if len(manifest.manifests) > self._children_left:
            return None, manifest.kind
        self._children_left -= len(manifest.manifests)
        try:
            children = await asyncio.gather(*(self._child(one.digest) for one in manifest.manifests))
        except NotFound:
            return None, manifest.kind  # a sparse index: some platforms were never pushed
        blobs = {blob.digest: blob for child in children for blob in child.blobs}
        size = len(manifest.content) + sum(len(child.content) for child in children)
        kinds = {child.kind for child in children}
        return size + _size_of(blobs.values()), "chart" if kinds == {"chart"} else "image"

    async def _child(self, digest: str) -> Manifest:
        async with self._room:
            return await self.client.get_manifest(self.repository, digest)

    async def _attachments(self, digest: str) -> tuple[Attachment, ...]:
        tagged = [
            Attachment(tag.rpartition(".")[2], tag=tag)
            for tag in cosign_tags(digest)
            if tag in self.companions
        ]
        try:
            referrers = await self._referrers(digest)
        except Throttled:
            raise
        except RegistryError:
            referrers = []  # what is attached is an addition; the tag itself is known
        return tuple(
            [Attachment(one.artifact_type or one.media_type, one.digest) for one in referrers] + tagged
        )

    async def _referrers(self, digest: str) -> Sequence[Descriptor]:
        if self._has_referrers:
            async with self._room:
                found = await self.client.list_referrers(self.repository, digest)
            if found is not None:
                return found
            self._has_referrers = False
        listed = fallback_tag(digest)
        if listed not in self.companions:
            return []
        return (await self._child(listed)).manifests


def _declared_type(manifest: Manifest) -> str:
    """Return the type of what is neither an image nor a chart, "" for those two."""
    if manifest.artifact_type:
        return manifest.artifact_type
    declared = manifest.config.media_type if manifest.config is not None else ""
    is_usual = not declared or ".image." in declared or ".container.image." in declared or "helm" in declared
    return "" if is_usual else declared


def _platforms(manifest: Manifest) -> Iterable[str]:
    real = set(attachable(manifest.manifests))
    for child in manifest.manifests:
        platform = child.platform or {}
        parts = [str(platform.get(name) or "") for name in ("os", "architecture", "variant")]
        text = "/".join(part[:40] for part in parts if part)
        if child.digest in real and text and not text.startswith("unknown"):
            yield text


def _size_of(blobs: Iterable[Descriptor]) -> int:
    return sum(max(0, blob.size) for blob in blobs)
