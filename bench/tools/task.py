"""What a tool is asked to do, and what every tool looks like."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from bench.processes import Sample


@dataclass(frozen=True, slots=True)
class Task:
    """
    Copy all that a namespace of the source has to the same names at the target.

    `is_unchanged` tells the floor that the target has it all; `connections` are how many it opens.
    """

    source_url: str
    target_url: str
    namespace: str
    repositories: tuple[str, ...]
    tag_count: int
    is_unchanged: bool = False
    connections: int = 16

    def dump(self) -> str:
        """Return the task as a line for a child process."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, line: str) -> Task:
        """Return the task of such a line."""
        document = json.loads(line)
        return cls(**{**document, "repositories": tuple(document["repositories"])})


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a tool: what it took, and what it reported by itself."""

    sample: Sample
    report: dict[str, Any] = field(default_factory=dict)


class Tool(Protocol):
    """Something that does tasks."""

    @property
    def name(self) -> str:
        """Return its name in tables."""
        ...

    def run(self, task: Task) -> Run:
        """Do the task once. Raises RuntimeError if it was not done."""
        ...

    def close(self) -> None:
        """End what was started for it."""
        ...
