"""The main job through every part: apply, trigger, a real worker process, two real registries."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.fakes import images
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.real_registry

REPOSITORIES = 100
TAGS = 5


def declaration(source: DockerRegistry, target: DockerRegistry, rule: str = "") -> str:
    return f"""
accounts:
  - uin: "100000000001"
    name: Example
    users:
      - {{username: olivia, password: correct-horse-7, role: owner}}
instances:
  - {{name: source, account: "100000000001", edition: standard, region: ap-guangzhou, endpoint: "{source.url}"}}
  - {{name: target, account: "100000000001", edition: basic, region: ap-singapore, endpoint: "{target.url}",
      username: {target.username}, password: {target.password}}}
rules:
  - {{source: source, name: everything, namespace: team, target: target{rule}}}
"""


def digests(registry: DockerRegistry) -> dict[str, str]:
    """Every `repository:tag` of the registry and its digest, read with plain httpx."""
    accept = ", ".join(
        f"application/vnd.{name}+json"
        for name in (
            "oci.image.index.v1",
            "oci.image.manifest.v1",
            "docker.distribution.manifest.list.v2",
            "docker.distribution.manifest.v2",
        )
    )
    found = {}
    with httpx.Client(base_url=registry.url, auth=registry.credentials, trust_env=False) as client:
        for repository in client.get("/v2/_catalog?n=1000").json()["repositories"]:
            for tag in client.get(f"/v2/{repository}/tags/list").json()["tags"] or []:
                answer = client.head(f"/v2/{repository}/manifests/{tag}", headers={"Accept": accept})
                found[f"{repository}:{tag}"] = answer.raise_for_status().headers["Docker-Content-Digest"]
    return found


class TestManualTrigger:
    def test_copies_a_hundred_repositories_and_then_nothing(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        for number in range(REPOSITORIES):
            for tag in range(TAGS):
                artifact = images.image(f"{number}-{tag}", layers=2, layer_size=256)
                images.push(artifact, source.url, f"team/group{number % 7}/app{number}", f"v1.{tag}")
        regatta.apply(declaration(source, target))
        regatta.start_worker()

        first = regatta.trigger("source/everything")

        assert first["status"] == "succeeded"
        assert first["repository_count"] == REPOSITORIES
        assert first["success_ratio"] == 1
        assert first["tags"] == {"copied": REPOSITORIES * TAGS, "up_to_date": 0, "skipped": 0, "failed": 0}
        assert first["bytes_copied"] > 0
        assert digests(target) == digests(source)

        source.clear_log()
        target.clear_log()
        second = regatta.trigger("source/everything")

        assert second["status"] == "succeeded"
        assert second["tags"] == {"copied": 0, "up_to_date": REPOSITORIES * TAGS, "skipped": 0, "failed": 0}
        for registry in (source, target):
            assert registry.request_count("GET", "/manifests/|/blobs/") == 0
            assert registry.request_count("PUT") == registry.request_count("POST") == 0
            assert registry.request_count("HEAD", "/manifests/") == REPOSITORIES * TAGS

    def test_copies_an_index_and_a_chart_and_keeps_multi_level_paths(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        images.push(images.multi_platform(), source.url, "team/a/b/app", "latest")
        images.push(images.helm_chart(), source.url, "team/charts/web", "1.2.3")
        images.push(images.image("other"), source.url, "other/app", "latest")
        regatta.apply(declaration(source, target))
        regatta.start_worker()

        result = regatta.trigger("source/everything")

        assert result["tags"]["copied"] == 2
        expected = {name: digest for name, digest in digests(source).items() if name.startswith("team/")}
        assert digests(target) == expected

    def test_copies_only_charts_where_the_rule_selects_charts(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        images.push(images.image("app"), source.url, "team/app", "v1")
        images.push(images.helm_chart(), source.url, "team/web", "1.2.3")
        regatta.apply(declaration(source, target, ", type: chart"))
        regatta.start_worker()

        result = regatta.trigger("source/everything")

        assert result["tags"] == {"copied": 1, "up_to_date": 0, "skipped": 1, "failed": 0}
        assert list(digests(target)) == ["team/web:1.2.3"]

    def test_says_so_when_nothing_matched(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target))
        regatta.start_worker()

        result = regatta.trigger("source/everything")

        assert result["status"] == "succeeded"
        assert result["reason"] == "nothing_matched"

    def test_keeps_an_existing_tag_unless_override_is_on(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        images.push(images.image("new"), source.url, "team/app", "v1")
        old = images.push(images.image("old"), target.url, "team/app", "v1", auth=target.credentials)
        regatta.apply(declaration(source, target))
        regatta.start_worker()

        kept = regatta.trigger("source/everything")
        assert kept["tags"]["skipped"] == 1
        assert digests(target) == {"team/app:v1": old}

        regatta.apply(declaration(source, target, ", override: true"))
        replaced = regatta.trigger("source/everything")
        assert replaced["tags"]["copied"] == 1
        assert digests(target) == digests(source)


class TestRefusals:
    def test_a_disabled_rule_is_refused_with_exit_code_2(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        regatta.apply(declaration(source, target, ", enabled: false"))

        done = regatta.manage("trigger_rule", "source/everything", "--wait", expect=2)

        assert re.search("disabled", done.stderr)

    def test_a_wrong_password_is_refused_at_its_line_and_nothing_is_saved(
        self, regatta: Regatta, source: DockerRegistry, target: DockerRegistry
    ) -> None:
        text = declaration(source, target).replace(f"password: {target.password}", "password: wrong")

        done = regatta.apply(text, expect=2)

        assert re.search(r"regatta\.yaml:\d+: instances\[1\]\.password", done.stderr)
        assert regatta.manage_json("list_executions") == []
        regatta.manage("trigger_rule", "source/everything", expect=2)
