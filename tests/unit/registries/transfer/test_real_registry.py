"""The engine between two real registries (Debian's docker-registry), counted on their access logs."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import Event, TagFinished
from registries.transfer.known import KnownBlobs
from registries.transfer.plan import RepositoryCopy
from tests.fakes import images
from tests.fakes.artifacts import OCI_INDEX, OCI_MANIFEST
from tests.fakes.images import Artifact, fallback_tag
from tests.servers.docker_registry import DockerRegistry
from tests.unit.registries.transfer.harness import REPOSITORY, make_request, never

pytestmark = pytest.mark.real_registry


@dataclass
class Line:
    """Two real registries and an engine between them."""

    source: DockerRegistry
    target: DockerRegistry
    events: list[Event] = field(default_factory=list)

    def put(self, artifact: Artifact, *tags: str, repository: str = REPOSITORY) -> Artifact:
        for tag in tags or (None,):
            images.push(artifact, self.source.url, repository, tag)
        return artifact

    def run(self, work: Callable[[Engine], Awaitable[object]]) -> None:
        asyncio.run(self._run(work))

    async def _run(self, work: Callable[[Engine], Awaitable[object]]) -> None:
        async with self._client(self.source) as source, self._client(self.target) as target:
            await work(Engine(source, target, known=KnownBlobs(), budget=Budget()))

    def _client(self, registry: DockerRegistry) -> RegistryClient:
        username, password = registry.credentials or (None, None)
        return RegistryClient(
            Endpoint(registry.url, username=username, password=password),
            guard=HostGuard(allowed_networks=("127.0.0.0/8",)),
            writes=registry is self.target,
        )

    def copy(self, *requests: RepositoryCopy) -> dict[str, TagFinished]:
        """Copy at once with one engine and return the outcomes by tag."""
        self.events.clear()

        async def work(engine: Engine) -> None:
            await asyncio.gather(
                *(engine.copy(request, emit=self.events.append, is_stopping=never) for request in requests)
            )

        self.run(work)
        return {event.tag: event for event in self.events if isinstance(event, TagFinished)}

    def clear_logs(self) -> None:
        self.source.clear_log()
        self.target.clear_log()

    def assert_same(self, artifact: Artifact, tag: str, repository: str = REPOSITORY) -> None:
        """Check the tag, every manifest and every blob at the target."""
        accept = {"Accept": f"{OCI_MANIFEST}, {OCI_INDEX}, {artifact.root.media_type}"}
        with httpx.Client(base_url=f"{self.target.url}/v2/{repository}/", trust_env=False) as client:
            assert client.get(f"manifests/{tag}", headers=accept).content == artifact.root.content
            for file in artifact.manifests:
                assert client.get(f"manifests/{file.digest}", headers=accept).content == file.content
            for digest, content in artifact.blobs.items():
                assert client.get(f"blobs/{digest}").content == content

    def tags(self, repository: str = REPOSITORY) -> set[str]:
        answer = httpx.get(f"{self.target.url}/v2/{repository}/tags/list", trust_env=False)
        return set(answer.json()["tags"] or ())


@pytest.fixture
def line() -> Iterator[Line]:
    with DockerRegistry(has_access_log=True) as source, DockerRegistry(has_access_log=True) as target:
        yield Line(source, target)


def count(registry: DockerRegistry) -> dict[str, int]:
    """Count the served requests by method and subject."""
    counts: dict[str, int] = {}
    for request in registry.requests():
        subject = next(
            name
            for name in ("tags/list", "uploads", "blobs", "manifests", "referrers")
            if name in request.path
        )
        counts[f"{request.method} {subject}"] = counts.get(f"{request.method} {subject}", 0) + 1
    return counts


class TestRealRegistries:
    @pytest.mark.parametrize(
        "make",
        [
            images.image,
            images.multi_platform,
            images.nested_index,
            images.helm_chart,
            images.artifact,
            images.zero_byte_blob,
            images.no_layers,
            images.unknown_fields,
            lambda: images.image(docker=True),
            lambda: images.multi_platform(docker=True),
        ],
    )
    def test_hold_the_same_afterwards(self, line: Line, make: Callable[[], Artifact]) -> None:
        artifact = line.put(make(), "v1")
        assert line.copy(make_request("v1", referrers=True))["v1"].status == "copied"
        line.assert_same(artifact, "v1")
        line.clear_logs()
        assert line.copy(make_request("v1", referrers=True))["v1"].status == "up_to_date"
        assert count(line.source) == count(line.target) == {"HEAD manifests": 1}

    def test_see_no_more_requests_than_the_budget_says(self, line: Line) -> None:
        base = images.layer("base", 50_000)
        for repository in ("team/a", "team/b"):
            for tag in ("v1", "v2"):
                line.put(images.image(f"{repository}{tag}", layers=[base]), tag, repository=repository)
        line.clear_logs()
        line.copy(*(make_request("v1", "v2", repository=repository) for repository in ("team/a", "team/b")))
        assert count(line.source) == {"GET manifests": 4, "GET blobs": 5}
        assert count(line.target) == {
            "GET tags/list": 2,
            "POST uploads": 6,
            "PUT uploads": 5,
            "PUT manifests": 4,
        }

    def test_keep_blobs_of_an_interrupted_copy(self, line: Line) -> None:
        image = line.put(images.image(layers=2), "v1")
        with httpx.Client(base_url=line.target.url, trust_env=False) as client:
            for digest, content in list(image.blobs.items())[:2]:
                session = httpx.URL(client.post(f"/v2/{REPOSITORY}/blobs/uploads/").headers["Location"])
                client.put(session.copy_add_param("digest", digest), content=content).raise_for_status()
        line.clear_logs()
        assert line.copy(make_request("v1", target_tags=set()))["v1"].status == "copied"
        assert count(line.source)["GET blobs"] == 1
        line.assert_same(image, "v1")

    def test_get_their_referrers_tags(self, line: Line) -> None:
        image = line.put(images.image(), "v1")
        sbom = images.artifact("sbom", subject=image)
        line.put(images.referrers_fallback(image, [sbom]))
        assert line.copy(make_request("v1", referrers=True))["v1"].status == "copied"
        assert line.tags() == {"v1", fallback_tag(image.digest)}
        line.assert_same(image, "v1")
        line.assert_same(Artifact(sbom.manifests, sbom.blobs), sbom.digest)

    def test_lose_only_the_tags_that_were_named(self, line: Line) -> None:
        line.put(images.image("a"), "v1", "latest")
        line.put(images.image("b"), "v2", "v3")
        line.copy(make_request("v1", "latest", "v2", "v3"))
        line.events.clear()

        async def work(engine: Engine) -> None:
            await engine.delete_tags(
                REPOSITORY, ["v1", "v2", "v3"], emit=line.events.append, is_stopping=never
            )

        line.run(work)
        outcomes = {event.tag: event.reason or event.status for event in line.events}  # type: ignore[union-attr]
        assert outcomes == {"v1": "tag_delete_unsupported", "v2": "deleted", "v3": "deleted"}
        assert line.tags() == {"v1", "latest"}


class TestRealTokens:
    def test_are_fetched_once_per_side_and_repository(self) -> None:
        with DockerRegistry() as source, DockerRegistry("token") as target:
            line = Line(source, target)
            for n in range(5):
                line.put(images.image(n), f"v{n}")
            outcomes = line.copy(make_request(*(f"v{n}" for n in range(5))))
            assert {outcome.status for outcome in outcomes.values()} == {"copied"}
            assert target.tokens is not None
            assert len(target.tokens.requests) == 1
