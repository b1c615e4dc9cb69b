"""The storm: rounds of work, kills at random moments, and what must be true in the end."""

from __future__ import annotations

import random
import time
from bisect import bisect
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.chaos import victims
from tests.chaos.ledger import Ledger, Run
from tests.chaos.scenery import RULE, Scenery
from tests.chaos.victims import Role
from tests.servers.process_tree import survivors
from tests.servers.processes import Child
from tests.servers.regatta import Regatta

RECOVERY_SECONDS = 60.0
_STALL_SECONDS = 150.0
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Report:
    """What a storm did and what it found; `problems` is empty if Regatta kept its word."""

    kills: list[tuple[float, Role]] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)
    rounds: int = 0
    tags: int = 0
    lost_leases: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        roles = ", ".join(
            f"{role} {count}" for role, count in Counter(role for _, role in self.kills).items()
        )
        slowest = max(self.recoveries, default=0.0)
        median = sorted(self.recoveries)[len(self.recoveries) // 2] if self.recoveries else 0.0
        lines = [
            f"kills        {len(self.kills)} ({roles})",
            f"executions   {self.rounds}, {self.tags} tags, {self.seconds:.0f} s",
            f"recovery     median {median:.1f} s, slowest {slowest:.1f} s",
            f"lost leases  {self.lost_leases}",
            *(f"PROBLEM      {problem}" for problem in self.problems),
        ]
        return "\n".join(lines)


class Storm:
    """One installation, one worker, and so many kills."""

    def __init__(
        self,
        regatta: Regatta,
        scenery: Scenery,
        *,
        kills: int,
        chance: random.Random,
        longest_pause_seconds: float = 7.0,
        say: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._regatta = regatta
        self._scenery = scenery
        self._ledger = Ledger(regatta)
        self._kills = kills
        self._chance = chance
        self._longest_pause = longest_pause_seconds
        self._say = say
        self._report = Report()
        self._worker: Child | None = None
        self._next_kill_at = 0.0

    def run(self) -> Report:
        """Rage until all kills were made and the last execution has ended; then stop the worker and look."""
        began = time.monotonic()
        self._regatta.apply(self._scenery.declaration)
        self._worker = self._regatta.start_worker()
        while len(self._report.kills) < self._kills and not self._report.problems:
            self._scenery.push_round()
            self._regatta.manage("trigger_rule", RULE)
            self._next_kill_at = time.monotonic() + self._pause()
            self._wait_for_end()
        self._report.seconds = time.monotonic() - began
        self._judge()
        return self._report

    def _pause(self) -> float:
        return self._chance.uniform(0.3, self._longest_pause)

    def _wait_for_end(self) -> None:
        progress, progressed_at = -1, time.monotonic()
        while not (last := self._ledger.list_runs()[-1]).is_final:
            now = time.monotonic()
            if last.succeeded_repository_count != progress:
                progress, progressed_at = last.succeeded_repository_count, now
            elif now - progressed_at > _STALL_SECONDS:
                self._report.problems.append(f"nothing has happened for {_STALL_SECONDS:.0f} s: {last}")
                return
            if now >= self._next_kill_at and len(self._report.kills) < self._kills:
                self._kill()
            time.sleep(_LOOK_SECONDS)
        self._say(f"round {self._scenery.round}: {last.status}, {len(self._report.kills)} kills so far")

    def _kill(self) -> None:
        assert self._worker is not None
        now = time.time()
        role = victims.kill_one(self._worker.pid, self._chance)
        self._next_kill_at = time.monotonic() + self._pause()
        if role is None:
            return
        self._report.kills.append((now, role))
        if role is Role.SUPERVISOR:
            self._worker.stop()
            self._worker = self._regatta.start_worker()

    def _judge(self) -> None:
        report = self._report
        runs = self._ledger.list_runs()
        report.rounds, report.tags = len(runs), len(self._scenery.names) * self._scenery.round
        report.lost_leases = sum(self._ledger.list_lost())
        for number, run in enumerate(runs, start=1):
            report.problems += self._find_miscounts(run, number)
        differences = self._scenery.list_differences()
        if differences:
            report.problems.append(f"{len(differences)} tags differ, such as {differences[:5]}")
        endings = self._ledger.list_endings()
        for killed_at, role in report.kills:
            after = bisect(endings, killed_at)
            if after == len(endings):
                continue  # everything had ended already
            report.recoveries.append(endings[after] - killed_at)
            if report.recoveries[-1] > RECOVERY_SECONDS:
                report.problems.append(
                    f"no job ended in the minute after {role} was killed at {killed_at:.1f}"
                )
        self._stop_worker()

    def _find_miscounts(self, run: Run, rounds: int) -> list[str]:
        repositories = len(self._scenery.names)
        is_right = (
            run.status == "succeeded"
            and run.repository_count == run.succeeded_repository_count == repositories
            and run.copied_count <= repositories
            and run.copied_count + run.up_to_date_count == repositories * rounds
            and run.skipped_count == run.failed_count == 0
        )
        return [] if is_right else [f"execution {rounds} of {repositories} repositories: {run}"]

    def _stop_worker(self) -> None:
        assert self._worker is not None
        self._worker.stop()
        left = survivors(victims.list_of_installation(self._regatta.directory))
        if left:
            self._report.problems.append(f"still running: {left}")
