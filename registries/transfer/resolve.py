"""Finds out with the fewest requests what a tag is on both sides: that decides whether anything moves."""

from dataclasses import dataclass

from registries.oci.digest import algorithm_of, digest_of
from registries.oci.errors import DigestMismatch, NotFound
from registries.oci.manifest import Descriptor, Manifest
from registries.transfer.route import AT_SOURCE, AT_TARGET, Lane
from registries.transfer.together import both


@dataclass(slots=True)
class Resolution:
    """
    What a tag points at on both sides; from here on the copy works by digest.

    `manifest` is the source's, where it was cheaper to read it at once than to ask for its digest.
    """

    digest: str
    target_digest: str | None
    manifest: Manifest | None = None

    @property
    def is_comparable(self) -> bool:
        """Tell whether both digests are of one algorithm; else only the bytes can be compared."""
        return self.target_digest is None or algorithm_of(self.target_digest) == algorithm_of(self.digest)


async def resolve(lane: Lane, tag: str, *, is_at_target: bool | None) -> Resolution:
    """
    Ask both sides what the tag is.

    A tag that the target's list does not have is read from the source at once, unless the source counts
    reads; a tag that it has costs one HEAD on each side, at the same time. Without a list (None) the target
    is asked first, because its answer decides between the two.

    Raises NotFound if the source does not have the tag.
    """
    if is_at_target is None:
        target = await _find_at_target(lane, tag)
        if target is not None:
            return Resolution(await _digest_at_source(lane, tag), target.digest)
    elif is_at_target:
        digest, target = await both(_digest_at_source(lane, tag), _find_at_target(lane, tag))
        return Resolution(digest, None if target is None else target.digest)
    return await _resolve_at_source(lane, tag)


async def resolve_optional(lane: Lane, tag: str, *, is_at_target: bool | None) -> Resolution | None:
    """
    Ask for a tag that may well not exist, at the source first; None if it does not.

    If the source's list has it, this is `resolve`.
    """
    try:
        if lane.source_tags is not None:
            return await resolve(lane, tag, is_at_target=is_at_target)
        found = await _resolve_at_source(lane, tag)
    except NotFound:
        return None
    if is_at_target is not False and (target := await _find_at_target(lane, tag)) is not None:
        found.target_digest = target.digest
    return found


async def read(lane: Lane, tag: str, resolution: Resolution) -> Manifest:
    """
    Return the source's manifest of a resolved tag, and note in the resolution which one it is.

    The digest of a HEAD may be wrong, or the tag may have moved and the old manifest be gone: then the tag
    itself is read, and the digest of its bytes is the truth. So whoever decided by the digest decides again.
    """
    if resolution.manifest is None:
        try:
            resolution.manifest = await _get_once(lane, resolution.digest)
        except (NotFound, DigestMismatch):
            resolution.manifest = await _get_from_source(lane, tag)
            resolution.digest = resolution.manifest.digest
    if resolution.target_digest is not None and not resolution.is_comparable:
        algorithm = algorithm_of(resolution.target_digest)
        resolution.digest = digest_of(resolution.manifest.content, algorithm)
    return resolution.manifest


async def _resolve_at_source(lane: Lane, tag: str) -> Resolution:
    """Read the tag; where reads are counted, ask for its digest, which is free and read once for all tags."""
    if lane.route.counts_reads:
        return Resolution(await _digest_at_source(lane, tag), None)
    manifest = await _get_from_source(lane, tag)
    return Resolution(manifest.digest, None, manifest)


async def _get_once(lane: Lane, digest: str) -> Manifest:
    """Return a manifest by digest, which several tags of the repository may name at the same time."""

    async def get() -> None:
        lane.recent.add(await _get_from_source(lane, digest))

    while (manifest := lane.recent.find(digest)) is None:
        await lane.route.manifests.run(("read", lane.source_repository, digest), get)
    return manifest


async def _digest_at_source(lane: Lane, tag: str) -> str:
    lane.progress.check()
    with AT_SOURCE:
        found = await lane.route.source.find_manifest(lane.source_repository, tag)
        if found is None:
            raise NotFound(f"{lane.source_repository}:{tag} is not there")
        return found.digest


async def _get_from_source(lane: Lane, reference: str) -> Manifest:
    lane.progress.check()
    with AT_SOURCE:
        return await lane.route.source.get_manifest(lane.source_repository, reference)


async def _find_at_target(lane: Lane, tag: str) -> Descriptor | None:
    lane.progress.check()
    with AT_TARGET:
        return await lane.route.target.find_manifest(lane.target_repository, tag)
