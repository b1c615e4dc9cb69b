"""Pushes that arrive at once: a real docker-registry that notifies `manage.py serve`, and a real target."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest

from tests.fakes import images
from tests.fakes.images import Artifact
from tests.servers.docker_registry import DockerRegistry, Listener
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.real_registry

BURST = 500
LONGEST_WAIT_SECONDS = 90


def declaration(source: DockerRegistry, target: DockerRegistry, *rules: str) -> str:
    return f"""
accounts:
  - {{uin: "100000000001", name: Example, users: [{{username: olivia, password: correct-horse-7, role: owner}}]}}
instances:
  - {{name: source, account: "100000000001", edition: standard, region: ap-guangzhou, endpoint: "{source.url}"}}
  - {{name: target, account: "100000000001", edition: standard, region: ap-singapore, endpoint: "{target.url}",
      username: {target.username}, password: {target.password}}}
rules:
{"".join(f"  - {{namespace: team, {rule}}}" + chr(10) for rule in rules)}
"""


FORTH = "source: source, target: target, name: forth"
BACK = "source: target, target: source, name: back"


def connect(regatta: Regatta, registry: DockerRegistry, instance: str) -> None:
    """Configure the registry as `show_hook` says."""
    hook = regatta.manage_json("show_hook", instance)
    registry.notify(Listener(hook["url"], {"Authorization": hook["authorization"]}))


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.1)


def tags(registry: DockerRegistry, repository: str) -> set[str]:
    with httpx.Client(base_url=registry.url, auth=registry.credentials, trust_env=False) as client:
        answer = client.get(f"/v2/{repository}/tags/list")
        return set(answer.json().get("tags") or ()) if answer.status_code == 200 else set()


def has_tag(registry: DockerRegistry, repository: str, tag: str) -> bool:
    return tag in tags(registry, repository)


def executions(regatta: Regatta, rule: str) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = regatta.manage_json("list_executions", rule, "--limit", "1000")
    return listed


def until_finished(regatta: Regatta, rule: str) -> list[dict[str, Any]]:
    """Wait until no execution of the rule goes on, and return all of them."""
    until(lambda: all(one["finished_at"] for one in executions(regatta, rule)))
    return executions(regatta, rule)


def tag_again(registry: DockerRegistry, artifact: Artifact, repository: str, names: list[str]) -> None:
    """Give a pushed artifact more tags, each one a push of its own."""
    manifest = artifact.manifests[-1]
    with httpx.Client(base_url=registry.url, auth=registry.credentials, trust_env=False) as client:
        for name in names:
            client.put(
                f"/v2/{repository}/manifests/{name}",
                content=manifest.content,
                headers={"Content-Type": manifest.media_type},
            ).raise_for_status()


class TestPush:
    def test_appears_at_the_target_exactly_once(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target, FORTH))
        regatta.start_serve()
        connect(regatta, source, "source")

        images.push(images.multi_platform(), source.url, "team/app", "v1")
        images.push(images.image("other"), source.url, "elsewhere/app", "v1")
        until(lambda: tags(target, "team/app") == {"v1"})

        (execution,) = until_finished(regatta, "source/forth")
        assert (execution["trigger"], execution["status"]) == ("push", "succeeded")
        assert execution["tags"]["copied"] == 1
        assert target.request_count("PUT", "/manifests/v1$") == 1
        assert source.request_count("GET", "/tags/list|/_catalog") == 0

    def test_a_burst_becomes_few_executions_and_each_tag_is_copied_once(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target, FORTH))
        regatta.start_serve()
        connect(regatta, source, "source")
        artifact = images.image("burst")
        names = [f"v{number}" for number in range(BURST)]

        images.push(artifact, source.url, "team/app", names[0])
        tag_again(source, artifact, "team/app", names[1:])
        until(lambda: tags(target, "team/app") == set(names))

        finished = until_finished(regatta, "source/forth")
        assert {execution["status"] for execution in finished} == {"succeeded"}
        assert sum(execution["tags"]["copied"] for execution in finished) == BURST
        assert len(finished) <= 25
        assert target.request_count("PUT", "/manifests/v") == BURST

    def test_is_not_sent_back_to_where_it_came_from(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target, FORTH, BACK))
        regatta.start_serve()
        connect(regatta, source, "source")
        connect(regatta, target, "target")

        for name in ("v1", "v2"):
            images.push(images.image(name), source.url, "team/app", name)
            until(partial(has_tag, target, "team/app", name))
        images.push(images.image("v3"), target.url, "team/app", "v3", auth=target.credentials)
        until(partial(has_tag, source, "team/app", "v3"))

        back = until_finished(regatta, "target/back")
        assert [execution["tags"]["copied"] for execution in back] == [1]
        assert source.request_count("PUT", "/manifests/v[12]$") == 2


class TestDeletion:
    def test_is_followed_only_where_the_rule_says_so(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        following = (
            "source: source, target: target, name: following, target_namespace: a, sync_deletions: true"
        )
        keeping = "source: source, target: target, name: keeping, target_namespace: b"
        regatta.apply(declaration(source, target, following, keeping))
        regatta.start_serve()
        connect(regatta, source, "source")
        digest = images.push(images.image("doomed"), source.url, "team/app", "v1")
        images.push(images.image("staying"), source.url, "team/app", "v2")
        until(lambda: tags(target, "a/app") == tags(target, "b/app") == {"v1", "v2"})
        until_finished(regatta, "source/following")

        httpx.delete(f"{source.url}/v2/team/app/manifests/{digest}").raise_for_status()
        until(lambda: tags(target, "a/app") == {"v2"})

        newest, *_ = until_finished(regatta, "source/following")
        assert (newest["status"], newest["trigger"]) == ("succeeded", "push")
        assert tags(target, "b/app") == {"v1", "v2"}


class TestStrangers:
    def test_are_refused_and_change_nothing(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target, FORTH))
        regatta.start_serve()
        hook = regatta.manage_json("show_hook", "source")
        body = {"events": [{"id": "1", "action": "push", "target": {"repository": "team/app", "tag": "v1"}}]}

        for url, secret in ((hook["url"], "wrong"), (hook["url"][:-8] + "unknown1", hook["authorization"])):
            answer = httpx.post(url, json=body, headers={"Authorization": secret})
            assert (answer.status_code, answer.json()) == (
                401,
                {"error": "The instance ID or the secret is wrong."},
            )
        assert executions(regatta, "source/forth") == []
