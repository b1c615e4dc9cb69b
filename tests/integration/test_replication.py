"""A premium primary and its replicas on real registries: back-fill, pushes, deletions, an outage, a drift check."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest

from tests.fakes import images
from tests.integration.test_push_events import connect, tag_again, tags, until
from tests.servers.docker_registry import DockerRegistry, is_installed
from tests.servers.regatta import Regatta

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(
        not is_installed() or shutil.which("skopeo") is None, reason="needs docker-registry and skopeo"
    ),
]

ACCOUNT = """
accounts:
  - {uin: "100000000001", name: Example, users: [{username: olivia, password: correct-horse-7, role: owner}]}
"""
CREATE = """
from django.utils import timezone
from registries.models import *
from syncjobs.services import replication
account = Account.objects.get()
def backend(code, region, url, username="", password=""):
    made = Backend.objects.create(code=code, region=Region.objects.get(code=region), endpoint_url=url)
    if username:
        credential = Credential(backend=made, username=username)
        credential.seal_password(password)
        credential.save()
    return made
home = backend("home", "ap-guangzhou", {primary!r})
where = dict(kind="hosted", backend=home, prefix="hosted") if {is_hosted} else dict(endpoint_url={primary!r})
primary = Instance.objects.create(
    account=account, name="primary", edition="premium", region=home.region, **where
)
for number, (region, url, username, password) in enumerate({replicas!r}):
    there = backend(f"there-{{number}}", region, url, username, password)
    replica = Replica.objects.create(
        replica_id=f"{{primary.instance_id}}-{{number}}-abcdef", primary=primary, region=there.region,
        backend=there, prefix="mirror",
    )
    replication.open_backfill(replica=replica, by=None, now=timezone.now())
"""
STATUSES = """
from registries.models import Replica
print(",".join(Replica.objects.values_list("status", flat=True)))
"""
CHECK = """
from django.utils import timezone
from registries.models import Replica
from syncjobs.services import replication
for replica in Replica.objects.all():
    replication.check_drift(replica=replica, by=None, now=timezone.now())
"""
REPORTS = """
import json
from syncjobs.models import DriftReport
print(json.dumps([[one.compared_count, one.difference_count, one.is_complete] for one in DriftReport.objects.all()]))
"""

REMOVE = """
from django.utils import timezone
from registries.models import Replica
from syncjobs.services import replication
replica = Replica.objects.get(prefix="mirror", backend__code="there-0")
replica.status = "Deleting"
replica.save()
replication.open_removal(replica=replica, by=None, now=timezone.now())
"""
REMOVED = """
from registries.models import Replica
from syncjobs.models import Execution
one = Execution.objects.get(trigger="removal")
print(Replica.objects.count(), one.status, one.deleted_count, one.reason)
"""


def shell(regatta: Regatta, code: str) -> str:
    return regatta.manage("shell", "--verbosity", "0", "-c", code).stdout.strip()


def skopeo_digest(registry: DockerRegistry, repository: str, tag: str) -> str:
    command = ["skopeo", "inspect", "--tls-verify=false", "--format", "{{.Digest}}"]
    if registry.credentials:
        command += ["--creds", ":".join(registry.credentials)]
    where = f"docker://127.0.0.1:{registry.port}/{repository}:{tag}"
    done = subprocess.run([*command, where], capture_output=True, text=True, timeout=30, check=True)
    return done.stdout.strip()


class World:
    """A primary and two replicas."""

    def __init__(self, regatta: Regatta, primary: DockerRegistry, replicas: list[DockerRegistry]) -> None:
        self.regatta = regatta
        self.primary = primary
        self.replicas = replicas
        self.prefix = ""

    def create(self, *, is_hosted: bool) -> None:
        self.prefix = "hosted/" if is_hosted else ""
        regions = ("ap-shanghai", "ap-beijing")
        replicas = [
            (region, one.url, *(one.credentials or ("", "")))
            for region, one in zip(regions, self.replicas, strict=True)
        ]
        self.regatta.apply(ACCOUNT)
        values = {"primary": self.primary.url, "is_hosted": is_hosted, "replicas": replicas}
        shell(self.regatta, CREATE.format(**values))

    def push(self, seed: str, repository: str, tag: str) -> str:
        return images.push(images.image(seed), self.primary.url, self.prefix + repository, tag)

    def until_running(self) -> None:
        until(lambda: set(shell(self.regatta, STATUSES).split(",")) == {"Running"})

    def tags_at(self, number: int, repository: str) -> set[str]:
        return tags(self.replicas[number], f"mirror/{repository}")


@pytest.fixture
def world(regatta: Regatta) -> Iterator[World]:
    with ExitStack() as stack:
        primary = stack.enter_context(DockerRegistry(has_access_log=True))
        first = stack.enter_context(DockerRegistry("htpasswd"))
        second = stack.enter_context(DockerRegistry())
        yield World(regatta, primary, [first, second])


@pytest.mark.parametrize("is_hosted", [True, False], ids=["hosted", "connected"])
def test_replicas_follow_their_primary(world: World, is_hosted: bool) -> None:
    world.create(is_hosted=is_hosted)
    names = [f"v{number}" for number in range(25)]
    for repository in ("team/app", "team/web", "other/app", "single"):
        artifact = images.image(repository)
        images.push(artifact, world.primary.url, world.prefix + repository, names[0])
        tag_again(world.primary, artifact, world.prefix + repository, names[1:])
    images.push(images.multi_platform(), world.primary.url, world.prefix + "team/app", "multi")
    world.regatta.start_serve()
    connect(world.regatta, world.primary, "primary")
    world.until_running()
    for number in (0, 1):
        assert world.tags_at(number, "team/app") == {*names, "multi"}
        assert world.tags_at(number, "single") == set(names)

    digest = world.push("pushed", "team/new", "v1")
    pushed_at = time.monotonic()
    until(lambda: world.tags_at(0, "team/new") == world.tags_at(1, "team/new") == {"v1"})
    assert time.monotonic() - pushed_at < 5

    httpx.delete(f"{world.primary.url}/v2/{world.prefix}team/new/manifests/{digest}").raise_for_status()
    until(lambda: not world.tags_at(0, "team/new") and not world.tags_at(1, "team/new"))

    moved = world.push("moved", "team/app", "v3")
    until(lambda: all(skopeo_digest(one, "mirror/team/app", "v3") == moved for one in world.replicas))
    assert "v4" in world.tags_at(0, "team/app") & world.tags_at(1, "team/app")

    world.replicas[1].stop()
    world.push("during the outage", "team/app", "outage")
    until(lambda: "outage" in world.tags_at(0, "team/app"))
    time.sleep(3)
    world.replicas[1].start()
    until(lambda: "outage" in world.tags_at(1, "team/app"))

    shell(world.regatta, CHECK)
    until(lambda: len(json.loads(shell(world.regatta, REPORTS))) == 2)
    assert json.loads(shell(world.regatta, REPORTS)) == [[102, 0, True]] * 2
    for registry in world.replicas:
        for repository, tag in (("team/app", "multi"), ("team/app", "outage"), ("single", "v7")):
            assert skopeo_digest(registry, f"mirror/{repository}", tag) == skopeo_digest(
                world.primary, world.prefix + repository, tag
            )

    shell(world.regatta, REMOVE)
    until(lambda: shell(world.regatta, REMOVED) == "1 succeeded 102 replica_removed")
    assert not world.tags_at(0, "team/app") | world.tags_at(0, "single")
    assert len(world.tags_at(1, "team/app")) == 27
