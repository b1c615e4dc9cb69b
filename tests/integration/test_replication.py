"""
A premium primary in one region and its replicas in two others, on real registries.

Everything is done as operators and users do it: by `apply`, by commands, and by pushing. What was copied is read
back by skopeo, which hashes every byte. `make bench ONLY=replication` measures how fast it is. The outage is short
unless `OUTAGE_SECONDS` says otherwise (`docs/howto/replication.md`, "Try an outage").
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import images
from tests.fakes.artifacts import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from tests.integration.test_push_events import tag_again, tags, until
from tests.servers.docker_registry import DockerRegistry, Listener, is_installed
from tests.servers.regatta import Regatta

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(
        not is_installed() or shutil.which("skopeo") is None, reason="needs docker-registry and skopeo"
    ),
]

TAGS = 500
REPOSITORIES = ("team/app", "team/web", "other/deep/app", "single")
IMAGES = 20
OUTAGE_SECONDS = float(os.environ.get("OUTAGE_SECONDS", "2"))
REGIONS = ("ap-shanghai", "ap-beijing")
_HOME = "ap-guangzhou"
_MANIFESTS = {"Accept": ", ".join([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST])}

Place = tuple[str, str]
"""A repository, as users name it, and a tag."""


class Site:
    """What a user sees of an instance or a replica: repositories below an address of a registry."""

    def __init__(self, registry: DockerRegistry, address: str) -> None:
        self.registry = registry
        self._prefix = f"{address.partition('/')[2]}/".lstrip("/")

    def name(self, repository: str) -> str:
        """Return the registry's own name of the repository."""
        return self._prefix + repository

    def push(self, artifact: images.Artifact, repository: str, tag: str) -> str:
        credentials = self.registry.credentials
        return images.push(artifact, self.registry.url, self.name(repository), tag, auth=credentials)

    def tags(self, repository: str) -> set[str]:
        return tags(self.registry, self.name(repository))

    def digests(self, repositories: tuple[str, ...]) -> dict[Place, str]:
        """Return the digest of every tag."""
        client = httpx.Client(
            base_url=self.registry.url, auth=self.registry.credentials, headers=_MANIFESTS, trust_env=False
        )
        with client:
            return {
                (repository, tag): client.head(f"/v2/{self.name(repository)}/manifests/{tag}").headers[
                    "Docker-Content-Digest"
                ]
                for repository in repositories
                for tag in self.tags(repository)
            }

    def delete(self, repository: str, digest: str) -> None:
        where = f"{self.registry.url}/v2/{self.name(repository)}/manifests/{digest}"
        httpx.delete(where, auth=self.registry.credentials, trust_env=False).raise_for_status()

    def pull(self, repository: str, digest: str, directory: Path) -> None:
        """Fetch everything below the digest with skopeo, which fails if a byte of it is wrong."""
        command = ["skopeo", "copy", "--quiet", "--all", "--src-tls-verify=false"]
        if self.registry.credentials:
            command += ["--src-creds", ":".join(self.registry.credentials)]
        source = f"docker://127.0.0.1:{self.registry.port}/{self.name(repository)}@{digest}"
        shutil.rmtree(directory, ignore_errors=True)
        subprocess.run([*command, source, f"dir:{directory}"], capture_output=True, timeout=60, check=True)


class World:
    """Three backends in three regions, and the installation that knows them."""

    def __init__(self, regatta: Regatta, registries: list[DockerRegistry]) -> None:
        self.regatta = regatta
        self.registries = registries
        regatta.apply(self._declaration())

    def create_primary(self, *, is_hosted: bool) -> Site:
        """Create a premium instance, and have its registry report pushes; return what its owner sees of it."""
        home = self.registries[0]
        where = "kind: hosted" if is_hosted else f'endpoint: "{home.url}"'
        place = f'account: "100000000001", edition: premium, region: {_HOME}'
        self.regatta.apply(f"instances: [{{name: primary, {place}, {where}}}]")
        hooked = ("--backend", "home") if is_hosted else ("primary",)
        hook = self.regatta.manage_json("show_hook", *hooked)
        home.notify(Listener(hook["url"], {"Authorization": hook["authorization"]}))
        return Site(home, self._shell("print(Instance.objects.get().address)"))

    def create_replicas(self) -> list[Site]:
        created = [self.replicas("create", "primary", region) for region in REGIONS]
        return [
            Site(registry, one["address"]) for registry, one in zip(self.registries[1:], created, strict=True)
        ]

    def replicas(self, *arguments: str) -> Any:
        """Return what `manage.py replicas` says."""
        return self.regatta.manage_json("replicas", *arguments)

    def statuses(self) -> set[str]:
        return {one["status"] for one in self.replicas("list")}

    def refusal(self, *arguments: str) -> str:
        """Return why a command is refused."""
        return self.regatta.manage(*arguments, expect=2).stderr

    def refuse_deletion(self) -> str:
        return self._shell(
            "from django.utils import timezone\n"
            "from registries.policies import Refused\n"
            "from registries.services import instances\n"
            "try:\n"
            "    instances.delete(instance=Instance.objects.get(), by=None, now=timezone.now())\n"
            "except Refused as refusal:\n"
            "    print(refusal)"
        )

    def _shell(self, code: str) -> str:
        code = f"from registries.models import Instance\n{code}"
        return self.regatta.manage("shell", "--verbosity", "0", "-c", code).stdout.strip()

    def _declaration(self) -> str:
        lines = ["accounts:", '  - {uin: "100000000001", name: Example}', "backends:"]
        for code, region, registry in zip(
            ("home", "first", "second"), (_HOME, *REGIONS), self.registries, strict=True
        ):
            credentials = ""
            if registry.credentials:
                credentials = ", username: {}, password: {}".format(*registry.credentials)
            lines.append(f'  - {{code: {code}, region: {region}, endpoint: "{registry.url}"{credentials}}}')
        return "\n".join(lines)


@pytest.fixture
def world(regatta: Regatta) -> Iterator[World]:
    with ExitStack() as stack:
        registries = (DockerRegistry(), DockerRegistry("htpasswd"), DockerRegistry())
        yield World(regatta, [stack.enter_context(registry) for registry in registries])


def fill(primary: Site) -> None:
    """Push so many images, and give them so many tags together."""
    each = TAGS // IMAGES
    for number, repository in zip(range(IMAGES), itertools.cycle(REPOSITORIES)):
        is_index = number % 5 == 0
        artifact = images.multi_platform(number) if is_index else images.image(number, layer_size=20_000)
        first, *others = (f"v{number}.{minor}" for minor in range(each))
        primary.push(artifact, repository, first)
        tag_again(primary.registry, artifact, primary.name(repository), others)


def check_every_digest(primary: Site, replicas: list[Site], directory: Path) -> Mapping[Place, str]:
    """Compare all tags, and read all content back."""
    repositories = (*REPOSITORIES, "team/new")
    wanted = primary.digests(repositories)
    for replica in replicas:
        assert replica.digests(repositories) == wanted
        for repository, digest in {(repository, digest) for (repository, _tag), digest in wanted.items()}:
            replica.pull(repository, digest, directory)
    return wanted


@pytest.mark.parametrize("is_hosted", [True, False], ids=["hosted", "connected"])
def test_replicas_follow_their_primary(world: World, tmp_path: Path, is_hosted: bool) -> None:
    primary = world.create_primary(is_hosted=is_hosted)
    fill(primary)
    world.regatta.start_serve()
    replicas = world.create_replicas()
    first, second = replicas
    until(lambda: world.statuses() == {"Running"})
    wanted = primary.digests(REPOSITORIES)
    assert len(wanted) == TAGS
    assert [replica.digests(REPOSITORIES) for replica in replicas] == [wanted, wanted]

    digest = primary.push(images.image("pushed"), "team/new", "v1")
    until(lambda: all(replica.tags("team/new") == {"v1"} for replica in replicas))
    primary.delete("team/new", digest)
    until(lambda: not any(replica.tags("team/new") for replica in replicas))
    moved = primary.push(images.image("moved"), "team/app", "v0.0")
    until(lambda: all(one.digests(("team/app",))["team/app", "v0.0"] == moved for one in replicas))

    second.registry.kill()
    for number in range(3):
        primary.push(images.image(f"outage-{number}"), "team/new", f"outage-{number}")
    until(lambda: len(first.tags("team/new")) == 3)
    time.sleep(OUTAGE_SECONDS)
    second.registry.start()
    until(lambda: len(second.tags("team/new")) == 3)

    for one in world.replicas("list"):
        checked = world.replicas("check", one["replica_id"], "--wait")
        assert (checked["status"], checked["difference_count"]) == ("succeeded", 0)
    assert len(check_every_digest(primary, replicas, tmp_path / "image")) == TAGS + 3

    assert "The instance has 2 replicas" in world.refuse_deletion()
    for region, words in {
        _HOME: "same region",
        "ap-shanghai": "exists",
        "ap-singapore": "Cross-border",
    }.items():
        assert words in world.refusal("replicas", "create", "primary", region)
    for one in world.replicas("list"):
        world.replicas("delete", one["replica_id"])
    until(lambda: world.replicas("list") == [])
    assert not any(replica.tags(repository) for replica in replicas for repository in REPOSITORIES)
    assert len(primary.digests(REPOSITORIES)) == TAGS
