"""
The tasks by which a replica came to be, in the words of the cloud API.

Source: reference/tencent-api.md 1.2, DescribeReplicationInstanceCreateTasks, and 3.3 for the statuses. The vendor's
example names the first two; the back-fill is ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from registries.models import Replica
from syncjobs.models import Execution, Trigger
from syncjobs.states import Status

SYNC_DATABASE = "SyncDBTask"
CREATE_RESOURCE = "CreateTcrCrdTask"
BACKFILL = "BackfillTask"

_STATUSES = {
    Status.PENDING: "PENDING",
    Status.RUNNING: "RUNNING",
    Status.SUCCEEDED: "SUCCESS",
    Status.FAILED: "FAILED",
    Status.STOPPED: "FAILED",
}


@dataclass(frozen=True, slots=True)
class CreateTask:
    """One step: `status` is PENDING, RUNNING, SUCCESS or FAILED; `execution` is the back-fill's, else None."""

    name: str
    status: str
    began_at: datetime | None
    ended_at: datetime | None
    execution: Execution | None = None


def list_tasks(replica: Replica) -> list[CreateTask]:
    """
    Return the steps in their order.

    The row and the place in the backend are made in one transaction. The back-fill counts as done once a scan has
    brought everything, were it a later one than the first.
    """
    made_at = replica.created_at
    first = replica.executions.filter(trigger=Trigger.BACKFILL).order_by("id").first()
    return [
        CreateTask(SYNC_DATABASE, "SUCCESS", made_at, made_at),
        CreateTask(CREATE_RESOURCE, "SUCCESS", made_at, made_at),
        _backfill(replica, first),
    ]


def overall(tasks: Sequence[CreateTask]) -> str:
    """Return the status of the whole: that of the first step that has not succeeded."""
    return next((task.status for task in tasks if task.status != "SUCCESS"), "SUCCESS")


def _backfill(replica: Replica, first: Execution | None) -> CreateTask:
    began_at = first.started_at if first else None
    if replica.running_since is not None:
        return CreateTask(BACKFILL, "SUCCESS", began_at, replica.running_since, first)
    if first is None:
        return CreateTask(BACKFILL, "PENDING", None, None)
    return CreateTask(BACKFILL, _STATUSES[Status(first.status)], began_at, first.finished_at, first)
