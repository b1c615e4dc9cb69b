"""
The graph walk: what a manifest needs is brought first, then the manifest itself.

It knows no images, charts or signatures, only descriptors. Referrers and tags are its callers' business.
"""

from functools import partial

from registries.oci.errors import BlobUnknown, NotFound
from registries.oci.manifest import Descriptor, Manifest, parse_manifest
from registries.transfer.blob import BlobCopy
from registries.transfer.graph import attachable, blobs_to_copy, content_of, identifying_blob
from registries.transfer.progress import Tally
from registries.transfer.route import AT_SOURCE, AT_TARGET, Lane
from registries.transfer.together import together


class AbsentManifest(NotFound):
    """The source does not have the manifest, though something there refers to it."""


class Walk:
    """
    The way of one tag through the graph below its manifest.

    `unlisted` collects, by the digest of their subject, the manifests that refer to another one and that the
    target will not list by itself.
    """

    def __init__(self, lane: Lane, tally: Tally) -> None:
        self.lane = lane
        self.tally = tally
        self.unlisted: dict[str, list[Descriptor]] = {}

    async def complete(self, manifest: Manifest) -> None:
        """Return once all that the manifest refers to is at the target; the manifest itself may not be."""
        lane, digest = self.lane, manifest.digest
        if digest not in lane.complete and not lane.is_one_place:
            key = ("below", lane.target_repository, digest)
            await lane.route.manifests.run(key, partial(self._complete, manifest))
        self.tally.notes += [note for note in lane.complete.get(digest, ()) if note not in self.tally.notes]

    async def ensure(self, descriptor: Descriptor, *, is_forced: bool = False) -> None:
        """
        Return once the manifest is at the target under its digest, with all below it.

        Raises AbsentManifest if the source does not have it.
        """
        lane, digest = self.lane, descriptor.digest
        if (digest not in lane.present and not lane.is_one_place) or is_forced:
            key = ("at", lane.target_repository, digest)
            await lane.route.manifests.run(key, partial(self._bring, descriptor, is_forced=is_forced))
            lane.present.add(digest)

    async def put(self, reference: str, manifest: Manifest) -> None:
        """
        Write the manifest under a tag or its digest; what it refers to must be there.

        If the target then says that something is missing, what was believed of it was wrong: it is brought
        once more, without belief.
        """
        try:
            indexed = await self._put(reference, manifest)
        except BlobUnknown:
            for blob in manifest.blobs:
                self.lane.route.known.forget(self.lane.target_repository, blob.digest)
            await self._bring_children(manifest, is_forced=True)
            indexed = await self._put(reference, manifest)
        if manifest.subject is not None:
            self.lane.route.indexes_subjects = indexed
            if not indexed and reference == manifest.digest:
                self.unlisted.setdefault(manifest.subject.digest, []).append(_as_referrer(manifest))

    async def _put(self, reference: str, manifest: Manifest) -> bool:
        self.lane.progress.check()
        with AT_TARGET:
            return await self.lane.route.target.put_manifest(self.lane.target_repository, reference, manifest)

    async def _complete(self, manifest: Manifest) -> None:
        absent = None
        if not (self.lane.is_new or self._knows_all(manifest)):
            blob = None if manifest.is_index else identifying_blob(manifest)
            if blob is not None and not await self._may_have_seen(blob):
                absent = blob.digest
            elif await self._is_at_target(manifest.digest):
                self.lane.complete[manifest.digest] = ()
                return
        await self._bring_children(manifest, absent=absent)
        self.lane.complete[manifest.digest] = tuple(self.tally.notes)

    def _knows_all(self, manifest: Manifest) -> bool:
        lane = self.lane
        return not manifest.is_index and all(
            lane.route.known.has(lane.target_repository, blob.digest) for blob in manifest.blobs
        )

    async def _may_have_seen(self, blob: Descriptor) -> bool:
        """Tell whether the target repository has the blob; if not, it can't have the manifest either."""
        lane = self.lane
        if not lane.route.known.has(lane.target_repository, blob.digest):
            lane.progress.check()
            with AT_TARGET:
                if not await lane.route.target.has_blob(lane.target_repository, blob.digest):
                    return False
            lane.route.known.add(lane.target_repository, blob.digest)
        return True

    async def _bring(self, descriptor: Descriptor, *, is_forced: bool) -> None:
        if (is_forced or not self.lane.is_new) and await self._is_at_target(descriptor.digest):
            return
        manifest = await self._read(descriptor)
        if manifest.is_index:
            self.lane.nested[manifest.digest] = attachable(manifest.manifests)
        await self._bring_children(manifest)
        await self.put(manifest.digest, manifest)

    async def _is_at_target(self, digest: str) -> bool:
        lane = self.lane
        lane.progress.check()
        with AT_TARGET:
            return await lane.route.target.find_manifest(lane.target_repository, digest) is not None

    async def _read(self, descriptor: Descriptor) -> Manifest:
        lane = self.lane
        lane.progress.check()
        with AT_SOURCE:
            content = content_of(descriptor)
            if content is not None:
                return parse_manifest(content, descriptor.media_type, expected_digest=descriptor.digest)
            try:
                return await lane.route.source.get_manifest(lane.source_repository, descriptor.digest)
            except NotFound as error:
                raise AbsentManifest(error.detail, status=error.status) from error

    async def _bring_children(
        self, manifest: Manifest, *, is_forced: bool = False, absent: str | None = None
    ) -> None:
        lane, missing = self.lane, []

        async def ensure_child(child: Descriptor) -> None:
            try:
                await self.ensure(child, is_forced=is_forced)
            except AbsentManifest:
                missing.append(child)

        blobs = blobs_to_copy(manifest, foreign_layers=lane.options.foreign_layers)
        copies = [
            BlobCopy(lane, blob, self.tally, is_forced=is_forced, is_absent=blob.digest == absent)
            for blob in blobs
        ]
        children = {child.digest: child for child in manifest.manifests}
        await together(
            [ensure_child(child) for child in children.values()]
            + [copy.ensure() for copy in copies if not copy.is_known]
        )
        self._note_omissions(manifest, missing, blobs)

    def _note_omissions(self, manifest: Manifest, missing: list[Descriptor], blobs: list[Descriptor]) -> None:
        if missing:
            self._note(
                f"the source lacks {len(missing)} of the {len(manifest.manifests)} manifests of the index: "
                + ", ".join(_describe(child) for child in missing[:5])
            )
        left_out = len({blob.digest for blob in manifest.blobs}) - len(blobs)
        if left_out:
            layers = "1 foreign layer stays where it is"
            self._note(layers if left_out == 1 else f"{left_out} foreign layers stay where they are")

    def _note(self, note: str) -> None:
        if note not in self.tally.notes:
            self.tally.notes.append(note)


def _describe(descriptor: Descriptor) -> str:
    platform = descriptor.platform or {}
    name = "/".join(str(platform[key]) for key in ("os", "architecture", "variant") if platform.get(key))
    return f"{descriptor.digest[:19]} ({name})" if name else descriptor.digest[:19]


def _as_referrer(manifest: Manifest) -> Descriptor:
    """
    Return the descriptor by which a list of referrers names the manifest.

    Source: distribution specification, "Listing Referrers".
    """
    artifact_type = manifest.artifact_type
    if artifact_type is None and manifest.config is not None:
        artifact_type = manifest.config.media_type
    return Descriptor(
        media_type=manifest.media_type,
        digest=manifest.digest,
        size=len(manifest.content),
        artifact_type=artifact_type,
        annotations=manifest.annotations,
    )
