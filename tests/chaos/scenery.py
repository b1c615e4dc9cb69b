"""What a storm rages over: two slow registries in this process, and one rule between them."""

from __future__ import annotations

import contextlib
from typing import Self

from tests.fakes import images
from tests.fakes.registry import FakeRegistry

LATENCY_SECONDS = 0.05
RULE = "source/everything"

_DECLARATION = """
accounts:
  - uin: "100000000001"
    name: Example
    users:
      - {{username: olivia, password: correct-horse-7, role: owner}}
instances:
  - {{name: source, account: "100000000001", edition: standard, region: ap-guangzhou, endpoint: "{source}"}}
  - {{name: target, account: "100000000001", edition: basic, region: ap-singapore, endpoint: "{target}"}}
rules:
  - {{source: source, name: everything, namespace: team, target: target, push: false}}
"""


class Scenery:
    """Two registries; the source gets a new tag in every repository with each round."""

    def __init__(self, repositories: int) -> None:
        self.names = [f"team/group{number % 7}/app{number}" for number in range(repositories)]
        self.round = 0
        self._stack = contextlib.ExitStack()
        self._source = FakeRegistry(is_logging=False, latency_seconds=LATENCY_SECONDS)
        self._target = FakeRegistry(is_logging=False, latency_seconds=LATENCY_SECONDS)

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(self._source)
            self._stack.enter_context(self._target)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def declaration(self) -> str:
        """Return the text for `manage.py apply`."""
        return _DECLARATION.format(source=self._source.url, target=self._target.url)

    def push_round(self) -> None:
        """Give every repository of the source another tag, with an image that is nowhere yet."""
        self.round += 1
        for name in self.names:
            artifact = images.image(f"{name}-{self.round}", layers=2, layer_size=512)
            images.push(artifact, self._source, name, f"v{self.round}")

    def list_differences(self) -> list[str]:
        """Return the tags whose digest at the target is not that of the source, as `repository:tag`."""
        names = sorted({*self._source.repositories(), *self._target.repositories()})
        pairs = [(name, self._source.tags(name), self._target.tags(name)) for name in names]
        return [
            f"{name}:{tag}"
            for name, here, there in pairs
            for tag in sorted({*here, *there})
            if here.get(tag) != there.get(tag)
        ]
