"""A no-op over a registry with very many tags: what it costs to find out that nothing changed."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from bench import content
from bench.bars import Bar
from bench.content import Shape
from bench.measuring import in_turns, median
from bench.results import Result
from bench.tools.child import GatedChild
from bench.tools.task import Run, Task
from bench.workloads.workload import Workload, Workshop


@dataclass(frozen=True, slots=True)
class Wide:
    """Two equal registries of the fake kind, each in a process of its own. Long enough for one run to do."""

    name: str
    shape: Shape
    bars: tuple[Bar, ...]
    tools: tuple[str, ...] = ("regatta", "engine", "floor")

    def measure(self, workshop: Workshop) -> list[Result]:
        """Time every tool once."""
        counts: dict[str, tuple[int, int]] = {}

        def once(tool: str, _number: int) -> Run:
            run, *requests = self._run(workshop, tool)
            counts[tool] = (requests[0], requests[1])
            return run

        timed = in_turns(dict.fromkeys(workshop.wanted(self.tools), 1), once)
        return [self._result(tool, runs, counts[tool]) for tool, runs in timed.items()]

    def _run(self, workshop: Workshop, tool: str) -> tuple[Run, int, int]:
        with ExitStack() as stack:
            size = f"{self.shape.repositories}x{self.shape.tags}"
            source, target = (stack.enter_context(Registry(size)) for _ in range(2))
            task = Task(
                source_url=source.url,
                target_url=target.url,
                namespace=content.NAMESPACE,
                repositories=(),
                tag_count=self.shape.tag_count,
                is_unchanged=True,
                connections=32,
            )
            run = workshop.tool(tool).run(task)
            if run.report.get("outcomes"):
                raise RuntimeError(
                    f"{run.report['outcomes']} rows were written about tags that are as they were"
                )
            return run, source.count(), target.count()

    def _result(self, tool: str, runs: list[Run], requests: tuple[int, int]) -> Result:
        sample = median(runs).sample
        return Result(
            workload=self.name,
            tool=tool,
            wall_seconds=round(sample.wall_seconds, 4),
            cpu_seconds=round(sample.cpu_seconds, 2),
            peak_memory_bytes=sample.peak_memory_bytes,
            source_requests=requests[0],
            target_requests=requests[1],
            bytes_moved=0,
            runs=len(runs),
        )


class Registry(GatedChild):
    """A fake registry in a process of its own, full of tags, that counts what it is asked."""

    def __init__(self, size: str) -> None:
        super().__init__("registry", size)

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(self.facts["url"])

    def count(self) -> int:
        """Return how many requests it has had."""
        return int(self.work()["requests"])


def _bars(name: str, shape: Shape) -> tuple[Bar, ...]:
    return (
        Bar(
            name,
            "regatta looks at 1,000 tags a second or more",
            lambda figures: shape.tag_count / figures["regatta"].wall_seconds,
            1_000,
        ),
        Bar(
            name,
            "regatta needs at most 300 MB",
            lambda figures: (figures["regatta"].peak_memory_bytes or 0) / 1e6,
            300,
            is_floor=False,
        ),
    )


_WIDE = Shape(2_000, 50, ())
_MILLION = Shape(20_000, 50, ())

WIDE: Workload = Wide("wide", _WIDE, bars=_bars("wide", _WIDE))
MILLION: Workload = Wide("million", _MILLION, bars=_bars("million", _MILLION), tools=("regatta",))
