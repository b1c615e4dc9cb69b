"""What the tests of `apply` share."""

from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone

from console.apply.problems import FileRefusedError
from console.apply.run import Report, apply

BASE = """\
accounts:
  - uin: "100000000001"
    name: Acme
    users:
      - {username: alice, password: correct-horse-7, role: owner}
  - uin: "100000000002"
    name: Globex
    users:
      - {username: bob, password: correct-horse-7, role: owner}
instances:
  - {name: source, account: "100000000001", region: ap-guangzhou, endpoint: "http://127.0.0.1:5001"}
  - {name: mirror, account: "100000000001", region: ap-shanghai, endpoint: "http://127.0.0.1:5002",
     username: robot, password: s3cret-of-robot}
  - {name: foreign, account: "100000000002", region: ap-tokyo, endpoint: "http://127.0.0.1:5003"}
credentials:
  - {instance: foreign, secret: s3cret-of-foreign, namespaces: [project]}
"""
"""Sixteen lines: two accounts, three instances, a credential of the foreign one."""

RULE = """\
rules:
  - source: source
    name: nightly
    namespace: project
    target: mirror
"""
"""Five lines to follow `BASE`."""


def statuses(report: Report) -> dict[str, str]:
    return {f"{change.kind} {change.name}": change.status.value for change in report.changes}


def changed_fields(report: Report) -> dict[str, tuple[str, ...]]:
    return {change.name: change.fields for change in report.changes if change.status == "changed"}


@pytest.fixture
def apply_text(tmp_path: Path) -> Callable[..., Report]:
    """Return a function that applies a text without trying connections."""

    def run(text: str, **options: bool) -> Report:
        return apply(text, directory=tmp_path, now=timezone.now(), **{"is_checking": False} | options)

    return run


@pytest.fixture
def refusal(apply_text: Callable[..., Report]) -> Callable[..., list[str]]:
    """Return a function that applies a text, which must be refused, and returns the problems as shown."""

    def run(text: str, **options: bool) -> list[str]:
        with pytest.raises(FileRefusedError) as caught:
            apply_text(text, **options)
        return [problem.show("f") for problem in caught.value.problems]

    return run
