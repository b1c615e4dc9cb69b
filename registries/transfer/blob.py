"""Brings one blob into a target repository in the cheapest way there is: known, mounted, or sent."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from registries.oci.client import RegistryClient
from registries.oci.digest import algorithm_of
from registries.oci.direct_body import Chunk
from registries.oci.errors import RegistryError
from registries.oci.manifest import Descriptor
from registries.oci.uploads import Upload
from registries.transfer.graph import content_of
from registries.transfer.progress import Meter, Tally
from registries.transfer.route import AT_SOURCE, AT_TARGET, Lane

_CANCEL_SECONDS = 5


@dataclass(frozen=True, slots=True)
class BlobCopy:
    """
    One blob that a target repository needs.

    `is_forced` distrusts everything that was known or mounted, after the target has refused a manifest for
    a missing blob. `is_absent` says that the target repository has just been asked and does not have it.
    """

    lane: Lane
    blob: Descriptor
    tally: Tally
    is_forced: bool = False
    is_absent: bool = False

    async def ensure(self) -> None:
        """
        Return once the target repository holds the blob.

        Raises the RegistryError that prevented it.
        """
        if not self.is_known:
            key = (self.lane.target_repository, self.blob.digest)
            await self.lane.route.blobs.run(key, self._bring)

    @property
    def is_known(self) -> bool:
        """Tell whether the target repository is believed to hold the blob already."""
        lane = self.lane
        return not self.is_forced and (
            lane.is_one_place or lane.route.known.has(lane.target_repository, self.blob.digest)
        )

    async def _bring(self) -> None:
        if self.is_known:
            return
        route, digest = self.lane.route, self.blob.digest
        was_asked = self.is_absent or (self.lane.is_new and not self.is_forced)
        has_waited = False
        while (origin := self._find_origin()) is None:
            self.lane.progress.check()
            if self._may_follow and await route.uploads.wait(digest):
                has_waited = True
                continue
            if was_asked:
                break
            was_asked = True
            if await self._is_at_target():
                return
        if origin is not None:
            await self._mount(origin, has_waited=has_waited)
        elif self._may_follow:
            # Nobody else was found sending it and nothing was awaited since, so this call leads.
            await route.uploads.run(digest, self._send)
        else:
            await self._send()

    @property
    def _may_follow(self) -> bool:
        return not self.is_forced and self.lane.route.mounts.is_worth_waiting

    def _find_origin(self) -> str | None:
        """Name the repository of the target registry to mount from, if one is known and it makes sense."""
        lane = self.lane
        if self.is_forced:
            return None
        if lane.route.is_same_registry and lane.source_repository != lane.target_repository:
            origin: str | None = lane.source_repository
        else:
            origin = lane.route.known.find_origin(lane.target_repository, self.blob.digest)
        return origin if origin is not None and lane.route.mounts.should_try() else None

    async def _is_at_target(self) -> bool:
        lane = self.lane
        with AT_TARGET:
            is_there = await lane.route.target.has_blob(lane.target_repository, self.blob.digest)
        if is_there:
            lane.route.known.add(lane.target_repository, self.blob.digest)
        return is_there

    async def _mount(self, origin: str, *, has_waited: bool) -> None:
        lane, digest = self.lane, self.blob.digest
        lane.progress.check()
        upload = await self._start(origin)
        lane.route.mounts.note(is_taken=upload is None, has_waited=has_waited)
        if upload is None:
            lane.route.known.add(lane.target_repository, digest)
            return
        if lane.route.mounts.has_worked:
            # This target mounts what it has, so the other repository has lost the blob.
            lane.route.known.forget(origin, digest)
        if not lane.is_new and await self._is_at_target():
            await _abandon(lane.route.target, upload)
            return
        await self._send(upload)

    async def _send(self, upload: Upload | None = None) -> None:
        """Move the bytes, into the given session or a new one."""
        lane = self.lane
        async with lane.route.turn(self.blob), lane.route.budget.blob(self.blob.size):
            lane.progress.check()
            if upload is None:
                # An interrupted copy leaves blobs in a repository that lists no tags. Where nothing was asked
                # before, mounting it from itself asks in the same request.
                upload = await self._start(
                    lane.target_repository if lane.is_new and not self.is_forced else None
                )
            if upload is not None:
                await self._stream(upload)
        lane.route.known.add(lane.target_repository, self.blob.digest)

    async def _start(self, origin: str | None) -> Upload | None:
        lane, digest = self.lane, self.blob.digest
        with AT_TARGET:
            return await lane.route.target.start_upload(
                lane.target_repository,
                mount=None if origin is None else digest,
                from_repository=origin,
                algorithm=algorithm_of(digest),
            )

    async def _stream(self, upload: Upload) -> None:
        target = self.lane.route.target
        source = _Source(self.lane, self.blob, self.tally)
        try:
            with AT_TARGET:
                await target.upload_blob(upload, self.blob, source.open)
        except (RegistryError, asyncio.CancelledError) as error:
            # The client gives the session back itself when the source is what failed.
            if getattr(error, "side", None) != "source":
                await _abandon(target, upload)
            raise
        finally:
            source.meter.flush()


class _Source:
    """The bytes of a blob at the source, from any offset on, counted as they pass."""

    __slots__ = ("_blob", "_lane", "meter")

    def __init__(self, lane: Lane, blob: Descriptor, tally: Tally) -> None:
        self._lane = lane
        self._blob = blob
        self.meter = Meter(lane.source_repository, tally, lane.progress.emit)

    async def open(self, offset: int) -> AsyncIterator[Chunk]:
        """Yield the content from the offset on, no faster than allowed. Raises Stopped between two chunks."""
        lane, check, count = self._lane, self._lane.progress.check, self.meter.count
        pace = lane.pace
        content = content_of(self._blob)
        if content is not None:
            check()
            count(len(content) - offset)
            yield content[offset:]
            return
        with AT_SOURCE:
            stream = lane.route.read_blob(lane.source_repository, self._blob, offset)
            try:
                async for chunk in stream:
                    check()
                    if pace is not None:
                        await pace.spend(len(chunk))
                    count(len(chunk))
                    yield chunk
            finally:
                await stream.aclose()


async def _abandon(target: RegistryClient, upload: Upload) -> None:
    """Give an upload session back as far as that is possible; registries collect what is left."""
    with suppress(RegistryError, TimeoutError):
        async with asyncio.timeout(_CANCEL_SECONDS):
            await target.cancel_upload(upload)
