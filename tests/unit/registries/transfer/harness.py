"""Two fake registries and an engine between them, for tests that copy and look at what happened."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.pace import Pace
from registries.oci.retry import RetryPolicy
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import BytesCopied, Event, TagFinished
from registries.transfer.known import KnownBlobs
from registries.transfer.plan import CopyOptions, RepositoryCopy
from tests.fakes.images import Artifact, push
from tests.fakes.registry import FakeRegistry

REPOSITORY = "team/app"

IMPATIENT = Timeouts(connect_seconds=2, stall_seconds=0.5, commit_seconds=0.5)
PATIENT = Timeouts(connect_seconds=5, stall_seconds=30, commit_seconds=60)
QUICK = RetryPolicy(attempts=4, first_delay_seconds=0.01, max_delay_seconds=0.02)


def never() -> bool:
    return False


@dataclass
class Bench:
    """A source, a target, and what an engine between them said."""

    source: FakeRegistry
    target: FakeRegistry
    known: KnownBlobs = field(default_factory=KnownBlobs)
    timeouts: Timeouts = IMPATIENT
    retry: RetryPolicy = QUICK
    source_endpoint: dict[str, Any] = field(default_factory=dict)
    target_endpoint: dict[str, Any] = field(default_factory=dict)
    limits: dict[str, Any] = field(default_factory=dict)
    budget: dict[str, int] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def put(self, artifact: Artifact, *tags: str, repository: str = REPOSITORY) -> Artifact:
        """Put the artifact into the source."""
        push(artifact, self.source, repository)
        for tag in tags:
            self.source.put_tag(repository, tag, artifact.digest)
        return artifact

    def run(self, work: Callable[[Engine], Awaitable[object]]) -> None:
        """Run the work with an engine, and see to it that it leaves no task behind."""
        asyncio.run(self._run(work))

    async def _run(self, work: Callable[[Engine], Awaitable[object]]) -> None:
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(self._client(self.source, self.source_endpoint))
            target = await stack.enter_async_context(self._client(self.target, self.target_endpoint))
            engine = Engine(source, target, known=self.known, budget=Budget(**self.budget))
            before = asyncio.all_tasks()
            try:
                await work(engine)
            finally:
                assert asyncio.all_tasks() == before

    def _client(self, registry: FakeRegistry, endpoint: dict[str, Any]) -> RegistryClient:
        return RegistryClient(
            Endpoint(registry.url, **endpoint),
            limiter=EndpointLimiter(**self.limits),
            guard=HostGuard(allowed_networks=("127.0.0.0/8",)),
            writes=registry is self.target,
            timeouts=self.timeouts,
            retry=self.retry,
        )

    def copy(self, *tags: str, **request: Any) -> dict[str, TagFinished]:
        """Copy the tags and return their outcomes by tag; see `make_request` for the keywords."""
        self.run(lambda engine: self.copy_with(engine, *tags, **request))
        return self.outcomes

    async def copy_with(
        self, engine: Engine, *tags: str, is_stopping: Callable[[], bool] = never, **request: Any
    ) -> None:
        """Copy the tags with this engine."""
        await engine.copy(make_request(*tags, **request), emit=self.events.append, is_stopping=is_stopping)

    @property
    def finished(self) -> list[TagFinished]:
        """Return the outcomes so far in their order; a tag that finished twice is an error."""
        finished = [event for event in self.events if isinstance(event, TagFinished)]
        assert len({(event.repository, event.tag) for event in finished}) == len(finished), finished
        return finished

    @property
    def outcomes(self) -> dict[str, TagFinished]:
        """Return the outcomes so far by tag, for tests with one repository."""
        return {event.tag: event for event in self.finished}

    @property
    def statuses(self) -> dict[tuple[str, str], str]:
        """Return the statuses so far by repository and tag."""
        return {(event.repository, event.tag): event.status for event in self.finished}

    @property
    def bytes_copied(self) -> int:
        """Return how many bytes the events report."""
        return sum(event.count for event in self.events if isinstance(event, BytesCopied))

    def forget(self) -> None:
        """Forget events and logs, not what the registries hold."""
        self.events.clear()
        self.source.clear_log()
        self.target.clear_log()

    def asked(self, registry: FakeRegistry) -> dict[str, int]:
        """Count the requests of a registry by method and what they are about, like "HEAD blob"."""
        counts: dict[str, int] = {}
        for request in registry.requests:
            name = f"{request.method} {_subject(request.path)}"
            counts[name] = counts.get(name, 0) + 1
        return counts

    def assert_same(
        self, artifact: Artifact, tag: str, repository: str = REPOSITORY, *, open_uploads: int = 0
    ) -> None:
        """Check that the target has the tag, all manifests byte for byte, and all blobs."""
        assert self.target.tags(repository)[tag] == artifact.digest
        for file in artifact.manifests:
            stored = self.target.manifest(repository, file.digest)
            assert (stored.content, stored.media_type) == (file.content, file.media_type)
        for digest, content in artifact.blobs.items():
            assert self.target.blob(repository, digest) == content
        assert self.target.open_uploads() <= open_uploads


def make_request(
    *tags: str,
    repository: str = REPOSITORY,
    to: str | None = None,
    target_tags: set[str] | None = None,
    source_tags: set[str] | None = None,
    pace: Pace | None = None,
    **options: Any,
) -> RepositoryCopy:
    """Return a request; `referrers` is off unless asked for, so that each test sees its own requests."""
    return RepositoryCopy(
        source_repository=repository,
        target_repository=to or repository,
        tags=tags,
        options=CopyOptions(**{"referrers": False, **options}),
        target_tags=None if target_tags is None else frozenset(target_tags),
        source_tags=None if source_tags is None else frozenset(source_tags),
        pace=pace,
    )


def _subject(path: str) -> str:
    for part, name in (
        ("/tags/list", "tags"),
        ("/blobs/uploads", "upload"),
        ("/blobs/", "blob"),
        ("/manifests/", "manifest"),
        ("/referrers/", "referrers"),
        ("/token", "token"),
    ):
        if part in path:
            return name
    return path
