"""Several workers on one PostgreSQL against registries whose answers take long: what each further one adds."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass

import psycopg

from bench.bars import Bar
from bench.content import NAMESPACE
from bench.measuring import in_turns, median
from bench.processes import Sample, cpu_seconds
from bench.results import Result
from bench.tools.child import GatedChild
from bench.tools.task import Run
from bench.workloads.workload import Workload, Workshop
from tests.servers.postgres import Postgres
from tests.servers.process_tree import family
from tests.servers.regatta import Regatta

_WORKERS = {"1 worker": 1, "2 workers": 2, "4 workers": 4}
_VARIABLES = {
    "REGATTA_DEBUG": "false",
    "REGATTA_LOG_LEVEL": "WARNING",
    "REGATTA_WORKER_PROCESSES": "1",
}
# Supervisor, django-q's main process, sentinel, pusher and monitor.
_PROCESSES_BESIDE = 5
_LONGEST_SECONDS = 600.0
_LOOK_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """One rule for each pair of registries, all triggered at once; each worker has one process."""

    name: str
    bars: tuple[Bar, ...]
    pairs: int = 16
    repositories: int = 60
    answer_seconds: float = 0.5

    def measure(self, workshop: Workshop) -> list[Result]:
        """Time it once with each number of workers: it is long enough."""
        timed = in_turns(dict.fromkeys(workshop.wanted(list(_WORKERS)), 1), self._run)
        return [self._result(tool, median(runs).sample) for tool, runs in timed.items()]

    def _run(self, tool: str, _number: int) -> Run:
        size = f"{self.pairs} {self.repositories} {self.answer_seconds}".split()
        with ExitStack() as stack:
            registries = stack.enter_context(GatedChild("distant", *size))
            server = stack.enter_context(Postgres())
            regatta = stack.enter_context(Regatta(_VARIABLES | {"REGATTA_DATABASE_URL": server.url}))
            regatta.apply(self._declaration(registries.facts["pairs"]))
            workers = [regatta.start_worker().pid for _ in range(_WORKERS[tool])]
            wait_until_complete(workers)
            with GatedChild("all_rules", environment=regatta.environment) as trigger:
                cpu_before = sum(map(cpu_seconds, workers))
                trigger.work()
            wall_seconds = _seconds_of_work(server.url)
            sample = Sample(wall_seconds, sum(map(cpu_seconds, workers)) - cpu_before, 0)
            report = registries.work()
            if report["equal"] != self.pairs * self.repositories:
                raise RuntimeError(f"{tool} did not copy everything: {report}")
            return Run(sample, report)

    def _declaration(self, pairs: list[list[str]]) -> str:
        place = 'account: "100000000001", edition: standard, region: ap-guangzhou'
        lines = ["accounts:", '  - {uin: "100000000001", name: Bench}', "instances:"]
        for number, (source, target) in enumerate(pairs):
            lines.append(f'  - {{name: source{number}, {place}, endpoint: "{source}"}}')
            lines.append(f'  - {{name: target{number}, {place}, endpoint: "{target}"}}')
        lines.append("rules:")
        for number in range(len(pairs)):
            rule = f"name: everything, namespace: {NAMESPACE}, push: false"
            lines.append(f"  - {{source: source{number}, target: target{number}, {rule}}}")
        return "\n".join(lines) + "\n"

    def _result(self, tool: str, sample: Sample) -> Result:
        return Result(
            workload=self.name,
            tool=tool,
            wall_seconds=round(sample.wall_seconds, 4),
            cpu_seconds=round(sample.cpu_seconds, 2),
        )


def wait_until_complete(workers: list[int], *, processes: int = 1) -> None:
    """Wait until every supervisor has its cluster with so many processes that work."""
    deadline = time.monotonic() + 60
    while any(len(family(pid)) < _PROCESSES_BESIDE + processes for pid in workers):
        if time.monotonic() > deadline:
            raise RuntimeError("the workers did not start within a minute")
        time.sleep(_LOOK_SECONDS)


def _seconds_of_work(database_url: str) -> float:
    """Wait for the end of all executions and return the seconds from the first start to the last end."""
    deadline = time.monotonic() + _LONGEST_SECONDS
    with psycopg.connect(database_url, autocommit=True) as database:
        while time.monotonic() < deadline:
            row = database.execute(
                "SELECT count(*) FILTER (WHERE finished_at IS NULL),"
                " count(*) FILTER (WHERE status <> 'succeeded' AND finished_at IS NOT NULL),"
                " extract(epoch FROM max(finished_at) - min(created_at))::float FROM syncjobs_execution"
            ).fetchone()
            if row is not None and not row[0]:
                if row[1]:
                    raise RuntimeError(f"{row[1]} executions did not succeed")
                return float(row[2])
            time.sleep(_LOOK_SECONDS)
    raise RuntimeError("the executions did not end")


SCALE_OUT: Workload = ScaleOut(
    "scale-out",
    bars=(
        Bar(
            "scale-out",
            "4 workers are at least 3.5 times as fast as 1",
            lambda figures: figures["1 worker"].wall_seconds / figures["4 workers"].wall_seconds,
            3.5,
        ),
    ),
)
