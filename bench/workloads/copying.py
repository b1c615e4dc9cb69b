"""Copies between two docker-registries: small, medium and large blobs, nothing at all, and a long way."""

from __future__ import annotations

from dataclasses import dataclass, field

from bench import content
from bench.bars import Bar, at_most_times, faster_than
from bench.content import KIB, MB, Shape
from bench.measuring import in_turns, median, say
from bench.results import Result
from bench.sites import Traffics, open_site
from bench.tools.task import Run, Task
from bench.workloads.workload import Workload, Workshop

TOOLS = ("regatta", "engine", "skopeo", "floor")


@dataclass(frozen=True, slots=True)
class Copying:
    """
    A shape that is copied into an empty registry, or compared with a full one (`is_unchanged`).

    `delay_seconds` is added to each way to both registries. `at_most` limits the runs of slow tools.
    """

    name: str
    shape: Shape
    bars: tuple[Bar, ...]
    is_unchanged: bool = False
    delay_seconds: float = 0.0
    floor_connections: int = 16
    at_most: dict[str, int] = field(default_factory=dict)

    def measure(self, workshop: Workshop) -> list[Result]:
        """
        Time every tool in turns, and count its requests in one more run with access logs.

        A tool that may run only once does both in that run.
        """
        tools = workshop.wanted(TOOLS)
        runs_of = {tool: min(workshop.runs, self.at_most.get(tool, workshop.runs)) for tool in tools}
        counts: dict[str, Traffics] = {}

        def once(tool: str, _number: int) -> Run:
            if self.at_most.get(tool) != 1:
                return self.run(workshop, tool)[0]
            run, counts[tool] = self.run(workshop, tool, is_logged=True)
            return run

        timed = in_turns(runs_of, once)
        say("    counting requests")
        for tool in tools:
            if tool not in counts:
                counts[tool] = self.run(workshop, tool, is_logged=True)[1]
            say(f"    {tool}: source {dict(counts[tool].source.kinds)}")
            say(f"    {tool}: target {dict(counts[tool].target.kinds)}")
        return [self._result(tool, timed[tool], counts[tool]) for tool in tools]

    def run(self, workshop: Workshop, tool: str, *, is_logged: bool = False) -> tuple[Run, Traffics]:
        """Let a tool do the work once, and return what it took and what the registries were asked."""
        source = workshop.source(self.shape)
        with open_site(
            source, is_logged=is_logged, is_filled=self.is_unchanged, delay_seconds=self.delay_seconds
        ) as site:
            task = Task(
                source_url=site.source_url,
                target_url=site.target_url,
                namespace=content.NAMESPACE,
                repositories=tuple(content.repository_names(self.shape)),
                tag_count=self.shape.tag_count,
                is_unchanged=self.is_unchanged,
                connections=self.floor_connections,
            )
            before = site.cpu_seconds()
            run = workshop.tool(tool).run(task)
            after = site.cpu_seconds()
            site.check_equal()
            run.report["source_cpu"], run.report["target_cpu"] = after[0] - before[0], after[1] - before[1]
            return run, site.traffic()

    def _result(self, tool: str, runs: list[Run], counted: Traffics) -> Result:
        sample = median(runs).sample
        return Result(
            workload=self.name,
            tool=tool,
            wall_seconds=round(sample.wall_seconds, 4),
            cpu_seconds=round(sample.cpu_seconds, 2),
            peak_memory_bytes=sample.peak_memory_bytes,
            source_requests=counted.source.requests,
            target_requests=counted.target.requests,
            bytes_moved=counted.source.blob_bytes,
            runs=len(runs),
        )


_SMALL_LAYERS = ((200, 64 * KIB),) * 3

SMALL: Workload = Copying("small", Shape(100, 5, _SMALL_LAYERS), bars=(faster_than("small", "skopeo", 2.5),))
MEDIUM = Copying(
    "medium",
    Shape(10, 5, (8 * MB, 2 * MB), shared_layers=(20 * MB,)),
    bars=(faster_than("medium", "skopeo", 2.5),),
)
LARGE = Copying("large", Shape(1, 1, (400 * MB,) * 4), bars=(faster_than("large", "skopeo", 1.3),))
NOOP: Workload = Copying(
    "noop", Shape(100, 5, _SMALL_LAYERS), bars=(at_most_times("noop", "floor", 1.5),), is_unchanged=True
)
WAN: Workload = Copying(
    "wan",
    Shape(20, 5, _SMALL_LAYERS),
    bars=(faster_than("wan", "skopeo", 40),),
    delay_seconds=0.02,
    floor_connections=64,
    at_most={"skopeo": 1},
)
