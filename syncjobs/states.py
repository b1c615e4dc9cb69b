"""
The states of executions and jobs, the transitions between them, and the roll-up of one from the other.

Pure: `syncjobs/models` turns the tables into compare-and-set statements; `docs/reference/states.md` draws
them. Source: design/architecture.md "Truth".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """The states of an execution and of a job."""

    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    STOPPED = "stopped"


ACTIVE = frozenset({Status.PENDING, Status.RUNNING})
FINAL = frozenset({Status.SUCCEEDED, Status.FAILED, Status.STOPPED})

EXECUTION_TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.STOPPED, Status.FAILED}),
    Status.RUNNING: FINAL,
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.RUNNING}),  # Retry failed only
    Status.STOPPED: frozenset({Status.RUNNING}),  # Retry failed only
}
JOB_TRANSITIONS: Mapping[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.RUNNING, Status.STOPPED, Status.FAILED}),
    Status.RUNNING: frozenset({Status.PENDING, Status.RUNNING}) | FINAL,  # RUNNING again: an expired lease
    Status.SUCCEEDED: frozenset(),
    Status.FAILED: frozenset({Status.PENDING}),
    Status.STOPPED: frozenset({Status.PENDING}),
}

API_WORDS: Mapping[Status, str] = {
    Status.PENDING: "InProgress",
    Status.RUNNING: "InProgress",
    Status.SUCCEEDED: "Succeed",
    Status.FAILED: "Failed",
    Status.STOPPED: "Stopped",
}


def sources_of(transitions: Mapping[Status, frozenset[Status]], target: Status) -> frozenset[Status]:
    """Return the states from which `target` may be reached: the WHERE of a compare-and-set."""
    return frozenset(state for state, targets in transitions.items() if target in targets)


@dataclass(frozen=True, slots=True)
class JobCounts:
    """How many jobs of one execution are in each state."""

    pending: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0

    @property
    def total(self) -> int:
        """All jobs."""
        return self.pending + self.running + self.succeeded + self.failed + self.stopped

    @property
    def active(self) -> int:
        """Jobs that a worker has still to finish."""
        return self.pending + self.running


def roll_up(counts: JobCounts) -> Status | None:
    """
    Return the final state of an execution with these jobs, or None while any of them is active.

    A failure outweighs a stop, so that a stopped execution never hides a failed repository.
    """
    if counts.active:
        return None
    if counts.failed:
        return Status.FAILED
    if counts.stopped:
        return Status.STOPPED
    return Status.SUCCEEDED


def success_ratio(*, succeeded_count: int, total_count: int) -> float | None:
    """Return the share of jobs without failures, 0 to 1, or None where there were no jobs."""
    return succeeded_count / total_count if total_count else None
