"""One primary and several new replicas: what is read from the primary, and what each further replica costs."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass

from bench.access_log import Traffic
from bench.bars import Bar, at_most_times
from bench.measuring import in_turns, median, say
from bench.processes import Gauge
from bench.results import Result
from bench.sites import traffic_of
from bench.tools.child import GatedChild
from bench.tools.task import Run
from bench.workloads.copying import MEDIUM
from bench.workloads.scale_out import wait_until_complete
from bench.workloads.workload import Workload, Workshop
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

_REPLICAS = {"1 replica": 1, "3 replicas": 3}
_VARIABLES = {"REGATTA_DEBUG": "false", "REGATTA_LOG_LEVEL": "WARNING"}


@dataclass(frozen=True, slots=True)
class FanOut:
    """The content of *medium*, from the creation of the replicas until every back-fill has ended."""

    name: str
    bars: tuple[Bar, ...]

    def measure(self, workshop: Workshop) -> list[Result]:
        """Time both in turns, and count what is read from the primary in one more run with its access log."""
        wanted = workshop.wanted(list(_REPLICAS))
        timed = in_turns(dict.fromkeys(wanted, workshop.runs), lambda tool, _: self._run(workshop, tool)[0])
        results = []
        for tool in wanted:
            counted = self._run(workshop, tool, is_logged=True)[1]
            say(f"    {tool}: source {dict(counted.kinds)}")
            sample = median(timed[tool]).sample
            results.append(
                Result(
                    workload=self.name,
                    tool=tool,
                    wall_seconds=round(sample.wall_seconds, 4),
                    cpu_seconds=round(sample.cpu_seconds, 2),
                    peak_memory_bytes=sample.peak_memory_bytes,
                    source_requests=counted.requests,
                    bytes_moved=counted.blob_bytes,
                    runs=len(timed[tool]),
                )
            )
        return results

    def _run(self, workshop: Workshop, tool: str, *, is_logged: bool = False) -> tuple[Run, Traffic]:
        source = workshop.source(MEDIUM.shape)
        origin = source.logging if is_logged else source.quiet
        if is_logged:
            origin.clear_log()
        with ExitStack() as stack:
            backends = [stack.enter_context(DockerRegistry()) for _number in range(_REPLICAS[tool])]
            regatta = stack.enter_context(Regatta(_VARIABLES))
            worker = regatta.start_worker()
            wait_until_complete([worker.pid], processes=2)
            urls = [origin.url, *(backend.url for backend in backends)]
            with GatedChild("replicating", *urls, environment=regatta.environment) as child:
                gauge = Gauge(worker.pid)
                gauge.start()
                report = child.work()
                sample = gauge.stop()
            if report != {"statuses": ["succeeded"], "tags": MEDIUM.shape.tag_count * len(backends)}:
                raise RuntimeError(f"the replicas did not get it all: {report}")
            return Run(sample, report), traffic_of(origin)


FAN_OUT: Workload = FanOut(
    "fan-out",
    bars=(
        at_most_times("fan-out", "1 replica", 2, tool="3 replicas"),
        Bar(
            "fan-out",
            "3 replicas read at most 1.1 times the bytes from the primary that 1 reads",
            lambda figures: (
                (figures["3 replicas"].bytes_moved or 0) / (figures["1 replica"].bytes_moved or 1)
            ),
            1.1,
            is_floor=False,
        ),
    ),
)
