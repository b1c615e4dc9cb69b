"""What copies share: two registries, what was learnt of them, and what is on its way right now."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from registries.oci.client import RegistryClient
from registries.oci.direct_body import Chunk
from registries.oci.errors import RegistryError
from registries.oci.manifest import Descriptor
from registries.oci.pace import Pace
from registries.transfer.budget import Budget
from registries.transfer.events import Side
from registries.transfer.flights import Flights
from registries.transfer.known import KnownBlobs
from registries.transfer.mounts import MountRecord
from registries.transfer.plan import CopyOptions
from registries.transfer.progress import Progress
from registries.transfer.recent import RecentManifests
from registries.transfer.shared_reading import SharedReads


class Blame:
    """A context in which errors that name no side yet are this side's."""

    __slots__ = ("_side",)

    def __init__(self, side: Side) -> None:
        self._side = side

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, RegistryError) and error.side is None:
            error.side = self._side


AT_SOURCE = Blame("source")
AT_TARGET = Blame("target")


class Route:
    """
    One source and one target, shared by all copies between them in an event loop.

    `has_referrers_api` (of the source) and `indexes_subjects` (of the target: it lists referrers itself
    and said so with `OCI-Subject`) are None until a registry has shown it.
    """

    def __init__(
        self,
        source: RegistryClient,
        target: RegistryClient,
        known: KnownBlobs,
        budget: Budget,
        reads: SharedReads | None = None,
    ) -> None:
        self.source = source
        self.target = target
        self.known = known
        self.budget = budget
        self.manifests = Flights()  # keys: (what, target repository, digest)
        self.blobs = Flights()  # keys: (target repository, digest)
        self.uploads = Flights()  # keys: digest; whoever else wants it waits and mounts
        self.has_referrers_api: bool | None = None
        self.first_listing = asyncio.Lock()  # held while it is being found out
        self.indexes_subjects: bool | None = None
        self.deletes_by_tag = True
        self.mounts = MountRecord()
        self._reads = reads
        self._locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()

    @property
    def is_same_registry(self) -> bool:
        """Tell whether source and target share one name space, so that blobs can be mounted across."""
        ours, theirs = self.source.endpoint, self.target.endpoint
        return ours.url == theirs.url and ours.prefix == theirs.prefix

    @property
    def counts_reads(self) -> bool:
        """
        Tell whether the source has a quota of manifests to read, as Docker Hub does.

        Source: Docker Hub, "Pull usage and limits": a GET of a manifest counts, a HEAD does not.
        """
        return self.source.limiter.snapshot().remaining is not None

    def read_blob(self, repository: str, blob: Descriptor, offset: int) -> AsyncGenerator[Chunk, None]:
        """
        Lend the blob of the source from the offset on, unverified: the upload hashes what it sends.

        While other targets read from the same source, they share the download.
        """
        reads = self._reads
        if reads is not None and reads.is_shared(self.source.endpoint):
            party = self.target.endpoint
            return reads.stream(self.source, repository, blob, offset=offset, party=party)
        return self.source.lend_blob(repository, blob, offset=offset)

    def turn(self, blob: Descriptor) -> AbstractAsyncContextManager[None]:
        """Hold the turn to send a blob, which those have at the same time who share its download."""
        if self._reads is None:
            return nullcontext()
        return self._reads.turn(self.source.endpoint, blob, self.target.endpoint)

    def lock(self, repository: str, tag: str) -> asyncio.Lock:
        """Return the lock of a tag that is read, changed and written back."""
        return self._locks.setdefault((repository, tag), asyncio.Lock())


async def list_target(route: Route, repository: str) -> frozenset[str]:
    """Return all tags of a target repository; a repository that does not exist has none."""
    with AT_TARGET:
        return frozenset([tag async for page in route.target.list_tags(repository) for tag in page])


@dataclass(slots=True)
class Lane:
    """
    One source repository and one target repository of a route, for the time of one copy.

    `is_new` says that the target had no such repository (or an empty one), so that there is nothing to ask
    it about. `complete` maps the digest of a manifest below which nothing is missing to what is to be
    said about that; `present` are manifests that are at the target under their digest; `recent` are manifests
    of the source that other tags may name too.
    """

    route: Route
    source_repository: str
    target_repository: str
    is_new: bool
    options: CopyOptions
    progress: Progress
    source_tags: frozenset[str] | None
    pace: Pace | None = None
    complete: dict[str, tuple[str, ...]] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    nested: dict[str, list[str]] = field(default_factory=dict)
    recent: RecentManifests = field(default_factory=RecentManifests)

    @property
    def is_one_place(self) -> bool:
        """Tell whether source and target are the same repository: tags are copied, content is there."""
        return self.route.is_same_registry and self.source_repository == self.target_repository
