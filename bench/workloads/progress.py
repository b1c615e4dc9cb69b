"""What it costs that a copy tells how far it is, beside the copy itself."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from bench.bars import Bar
from bench.measuring import in_turns, median
from bench.results import Result
from bench.tools.child import GatedChild
from bench.tools.task import Run
from bench.workloads.copying import LARGE
from bench.workloads.workload import Workload, Workshop
from tests.servers.regatta import Regatta


@dataclass(frozen=True, slots=True)
class Progress:
    """The events of *large* and *small* together, against the engine's CPU time for *large* alone."""

    name: str
    bars: tuple[Bar, ...]

    def measure(self, workshop: Workshop) -> list[Result]:
        """Time both in one run."""
        copies = in_turns({"engine": 1}, lambda tool, _number: self._copy(workshop, tool))
        copy_cpu = median(copies["engine"]).sample.cpu_seconds
        with Regatta() as regatta:
            seconds = statistics.median(_seconds(regatta) for _run in range(workshop.runs))
        return [
            Result(self.name, "copy", wall_seconds=round(copy_cpu, 4)),
            Result(self.name, "events", wall_seconds=round(seconds, 4), runs=workshop.runs),
        ]

    def _copy(self, workshop: Workshop, tool: str) -> Run:
        return LARGE.run(workshop, tool)[0]


def _seconds(regatta: Regatta) -> float:
    with GatedChild("progress", environment=regatta.environment) as child:
        return float(child.work()["seconds"])


PROGRESS: Workload = Progress(
    "progress",
    bars=(
        Bar(
            "progress",
            "events cost at most 2 % of the copy",
            lambda figures: 100 * figures["events"].wall_seconds / figures["copy"].wall_seconds,
            2,
            is_floor=False,
        ),
    ),
)
