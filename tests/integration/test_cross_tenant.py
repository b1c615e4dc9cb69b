"""Two tenants, two real registries, one credential: what it opens, what stops it, and what does not concern it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.fakes import images
from tests.integration.test_synchronization import digests
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.real_registry

PASSWORD = "correct-horse-7"
HEALS_WITHIN_SECONDS = 150


def declaration(source: DockerRegistry, target: DockerRegistry, secret: str = "") -> str:
    rule = f"""
rules:
  - {{source: source, name: patient, namespace: team, target: target, target_account: "100000000002",
      target_password: {secret}, retry_window: 30m}}
  - {{source: source, name: strict, namespace: team, target: target, target_account: "100000000002",
      target_password: {secret}, retry_window: "0"}}
"""
    return f"""
accounts:
  - uin: "100000000001"
    name: Acme
    users:
      - {{username: alice, password: {PASSWORD}, role: owner}}
  - uin: "100000000002"
    name: Globex
    users:
      - {{username: bob, password: {PASSWORD}, role: owner}}
instances:
  - {{name: source, account: "100000000001", region: ap-guangzhou, endpoint: "{source.url}",
      username: {source.username}, password: {source.password}}}
  - {{name: target, account: "100000000002", instance_id: tcr-target01, region: ap-singapore,
      endpoint: "{target.url}", username: {target.username}, password: {target.password}}}
{rule if secret else ""}"""


class Visitor:
    """A user of the console, as a browser without JavaScript."""

    def __init__(self, regatta: Regatta, login: str) -> None:
        self._client = httpx.Client(base_url=regatta.url, follow_redirects=True, timeout=30, trust_env=False)
        self.post("/sign-in/", username=login, password=PASSWORD)

    def get(self, path: str) -> str:
        return self._client.get(path).raise_for_status().text

    def post(self, path: str, page: str = "", **data: str) -> str:
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(page or path))
        assert token, path
        headers = {"Referer": str(self._client.base_url)}
        form = data | {"csrfmiddlewaretoken": token[1]}
        return self._client.post(path, data=form, headers=headers).raise_for_status().text


@pytest.fixture
def source() -> Iterator[DockerRegistry]:
    with DockerRegistry("token", username="acme-robot", password="of-acme-registry") as registry:
        yield registry


@pytest.fixture
def target() -> Iterator[DockerRegistry]:
    with DockerRegistry("htpasswd", username="globex-robot", password="of-globex-registry") as registry:
        yield registry


def wait_for(condition: Callable[[], bool], seconds: float) -> None:
    ends_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends_at
        time.sleep(0.5)


def push(registry: DockerRegistry, tag: str) -> None:
    artifact = images.image(tag, layers=2, layer_size=256)
    headers = registry.token_headers("repository:team/app:pull,push")
    images.push(artifact, registry.url, "team/app", tag, headers=headers)


@pytest.mark.timeout(420)
def test_a_credential_opens_stops_heals_and_outlives_the_registry_s_own_password(
    regatta: Regatta, source: DockerRegistry, target: DockerRegistry
) -> None:
    push(source, "v1")
    regatta.apply(declaration(source, target))
    regatta.start_serve()
    regatta.start_worker()
    alice, bob = Visitor(regatta, "alice@100000000001"), Visitor(regatta, "bob@100000000002")
    credentials = "/instances/tcr-target01/credentials/"

    issued = bob.post(f"{credentials}new/", description="for Acme", namespaces="team")
    secret = max(re.findall(r"<code[^>]*>([\w-]{30,})</code>", issued), key=len)
    token_id = re.search(r"/credentials/(\w{20})/", bob.get(credentials))
    assert token_id
    regatta.apply(declaration(source, target, secret))

    assert regatta.trigger("source/patient")["tags"]["copied"] == 1
    assert list(digests(target)) == ["team/app:v1"]

    # Disabled: the next execution says so, and the page of the rule before it.
    bob.post(f"{credentials}{token_id[1]}/disable/", page=credentials)
    push(source, "v2")
    strict = regatta.trigger("source/strict", expect=1)
    assert (strict["status"], strict["reason"]) == ("failed", "credential_disabled")
    patient = regatta.manage_json("trigger_rule", "source/patient")
    page = f"/executions/{patient['task_id']}/"
    reason = "The access credential was disabled by the account that issued it."
    wait_for(lambda: reason in alice.get(page), 30)
    assert "Next attempt" in alice.get(page)
    assert reason in alice.get("/synchronization/")
    assert secret not in alice.get(page)

    # Enabled again: the execution that waits goes on by itself.
    bob.post(f"{credentials}{token_id[1]}/enable/", page=credentials)
    wait_for(lambda: "team/app:v2" in digests(target), HEALS_WITHIN_SECONDS)
    wait_for(lambda: 'data-status="succeeded"' in alice.get(page), 30)

    # Another password of the registry is a matter of its owner.
    target.password = "of-globex-registry-2"
    target.restart()
    regatta.apply(declaration(source, target))
    push(source, "v3")
    assert regatta.trigger("source/patient")["tags"]["copied"] == 1
    assert "team/app:v3" in digests(target)
