"""`manage.py apply` as a process, against real registries: exit codes, lines, and nothing half-saved."""

from __future__ import annotations

import json

import pytest

from tests.servers.docker_registry import DockerRegistry
from tests.servers.processes import find_free_port
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.real_registry


def declaration(source: DockerRegistry, target: DockerRegistry) -> str:
    """Return a file of nineteen lines with two accounts, two instances and a cross-tenant rule."""
    return f"""\
accounts:
  - uin: "100000000001"
    name: Acme
    users: [{{username: alice, password: correct-horse-7, role: owner}}]
  - uin: "100000000002"
    name: Globex
    users: [{{username: bob, password: correct-horse-7, role: owner}}]
instances:
  - {{name: source, account: "100000000001", region: ap-guangzhou, endpoint: "{source.url}"}}
  - {{name: target, account: "100000000002", region: ap-singapore, endpoint: "{target.url}",
     username: {target.username},
     password: {target.password}}}
credentials:
  - {{instance: target, secret: s3cret-of-globex, namespaces: [team]}}
rules:
  - {{source: source, name: abroad, namespace: team,
     target: target, target_account: "100000000002",
     target_password: s3cret-of-globex}}
"""


def test_a_file_is_applied_once_and_then_finds_nothing_to_do(
    regatta: Regatta, source: DockerRegistry, target: DockerRegistry
) -> None:
    text = declaration(source, target)

    first = json.loads(regatta.apply(text, "--json").stdout)
    target.clear_log()
    second = json.loads(regatta.apply(text, "--json").stdout)

    assert first["counts"] == {"created": 8, "changed": 0, "unchanged": 0}
    assert second["counts"] == {"created": 0, "changed": 0, "unchanged": 8}
    assert target.requests() == []


@pytest.mark.parametrize(
    "case",
    [
        ("password: {password}", "password: wrong-s3cret", ":12: instances[1].password: The registry rejected"),
        ("{target}", "http://127.0.0.1:{port}", ":10: instances[1].endpoint: The registry cannot be reached."),
        ("target_password: s3", "target_password: S3", ":18: rules[0].target_password: The target instance, user"),
        ("name: Globex", "name: Globex\n    name: G", ":7: accounts[1].name: This key is there twice"),
        ("rules:", "rules: [", ":16:"),
    ],
)  # fmt: skip
def test_a_bad_file_is_refused_at_its_line_and_nothing_is_saved(
    regatta: Regatta, source: DockerRegistry, target: DockerRegistry, case: tuple[str, str, str]
) -> None:
    old, new, problem = case
    places = {"password": target.password, "target": target.url, "port": str(find_free_port())}
    text = declaration(source, target).replace(old.format_map(places), new.format_map(places))

    done = regatta.apply(text, expect=2)

    assert f"regatta.yaml{problem}" in done.stderr
    assert done.stdout == ""
    assert "s3cret" not in done.stderr
    assert "password: wrong" not in done.stderr
    repaired = json.loads(regatta.apply(declaration(source, target), "--json").stdout)
    assert repaired["counts"] == {"created": 8, "changed": 0, "unchanged": 0}


def test_a_changed_password_is_updated(
    regatta: Regatta, source: DockerRegistry, target: DockerRegistry
) -> None:
    text = declaration(source, target)
    regatta.apply(text.replace(f"password: {target.password}", "password: outdated"), "--no-check")

    done = regatta.apply(text)

    assert "changed   instance   100000000002/target" in done.stdout
    assert done.stdout.endswith("0 created, 1 changed, 7 unchanged.\n")
