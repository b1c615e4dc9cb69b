"""Registries of every kind, real and fake, that the contract tests use in the same way."""

import asyncio
import contextlib
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeVar

import httpx

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.oci.manifest import Descriptor, Manifest, parse_manifest
from registries.oci.retry import RetryPolicy
from tests.fakes.artifacts import Artifact, ManifestFile
from tests.fakes.auth import Auth, BasicAuth, BearerAuth, NoAuth
from tests.fakes.registry import FakeRegistry
from tests.servers.docker_registry import DockerRegistry

IMPATIENT = RetryPolicy(first_delay_seconds=0.001)
USERNAME, PASSWORD = "regatta", "secret"

Kind = Literal["fake", "fake distribution", "docker-registry"]
AuthMode = Literal["anonymous", "basic", "token"]
Result = TypeVar("Result")

_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Site:
    """A registry as its clients see it, with a repository that no other test uses."""

    kind: Kind
    auth: AuthMode
    url: str
    repository: str = field(default_factory=lambda: f"contract/number-{next(_numbers)}")

    @property
    def is_modern(self) -> bool:
        """Tell whether the registry has what came after distribution 2."""
        return self.kind == "fake"

    @property
    def port(self) -> int:
        """Return the port the registry listens on."""
        return int(self.url.rpartition(":")[2])

    def run(
        self,
        work: Callable[[RegistryClient], Awaitable[Result]],
        *,
        password: str = PASSWORD,
        url: str | None = None,
    ) -> Result:
        """Run the work with a new client of this registry, as its one user where it has users."""
        is_anonymous = self.auth == "anonymous"
        endpoint = Endpoint(
            url or self.url,
            username=None if is_anonymous else USERNAME,
            password=None if is_anonymous else password,
        )

        async def connected() -> Result:
            guard = HostGuard(allowed_networks=["127.0.0.0/8"])
            async with RegistryClient(endpoint, guard=guard, retry=IMPATIENT, writes=True) as client:
                return await work(client)

        return asyncio.run(asyncio.wait_for(connected(), timeout=60))

    def plain_http(self) -> httpx.Client:
        """Return a client that knows no protocol, signed in to this repository, for doing things by hand."""
        headers = {"Authorization": self._bearer()} if self.auth == "token" else {}
        auth = (USERNAME, PASSWORD) if self.auth == "basic" else None
        return httpx.Client(base_url=self.url, headers=headers, auth=auth, trust_env=False, timeout=20)

    def _bearer(self) -> str:
        challenge = httpx.get(f"{self.url}/v2/", trust_env=False).headers["WWW-Authenticate"]
        asked = dict(re.findall(r'(\w+)="([^"]*)"', challenge))
        query = {"service": asked["service"], "scope": f"repository:{self.repository}:pull,push"}
        answer = httpx.get(asked["realm"], params=query, auth=(USERNAME, PASSWORD), trust_env=False)
        return f"Bearer {answer.json()['token']}"


def may(username: str | None, repository: str, action: str) -> bool:
    """Allow everything but pushes to repositories whose name begins with `readonly/`."""
    return action == "pull" or not repository.startswith("readonly/")


@contextlib.contextmanager
def open_site(kind: Kind, auth: AuthMode) -> Iterator[str]:
    """Yield the URL of a running registry of this kind."""
    if kind == "docker-registry":
        mode: Literal["anonymous", "htpasswd", "token"] = "htpasswd" if auth == "basic" else auth
        with DockerRegistry(mode, username=USERNAME, password=PASSWORD, policy=may) as real:
            yield real.url
        return
    auths: dict[AuthMode, Auth] = {
        "anonymous": NoAuth(),
        "basic": BasicAuth(USERNAME, PASSWORD),
        "token": BearerAuth(USERNAME, PASSWORD, policy=may, shuffles_scopes=True),
    }
    make = FakeRegistry if kind == "fake" else FakeRegistry.like_distribution
    with make(auth=auths[auth]) as fake:
        yield fake.url


def parsed(file: ManifestFile) -> Manifest:
    """Return the test content as the client's own type."""
    return parse_manifest(file.content, file.media_type)


def describe(content: bytes, digest: str) -> Descriptor:
    """Return the descriptor of a blob."""
    return Descriptor(media_type="application/octet-stream", digest=digest, size=len(content))


async def stream_of(content: bytes, offset: int = 0) -> AsyncIterator[bytes]:
    """Yield the bytes from the offset on, in pieces of 64 KiB."""
    for position in range(offset, len(content), 65536):
        yield content[position : position + 65536]


async def upload(client: RegistryClient, repository: str, digest: str, content: bytes) -> None:
    """Put a blob into the repository."""
    session = await client.start_upload(repository, algorithm=digest.partition(":")[0])
    assert session is not None
    await client.upload_blob(session, describe(content, digest), lambda offset: stream_of(content, offset))


async def push(client: RegistryClient, repository: str, artifact: Artifact, tag: str) -> bool:
    """Put an artifact into the repository, the tag last; return whether the registry knew its subject."""
    for digest, content in artifact.blobs.items():
        await upload(client, repository, digest, content)
    for file in artifact.manifests[:-1]:
        await client.put_manifest(repository, file.digest, parsed(file))
    return await client.put_manifest(repository, tag, parsed(artifact.root))
