"""How the platform is doing, computed from the tables: for staff, `/metrics`, `/readyz` and `manage.py status`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, Min, Sum
from django.db.models.functions import Coalesce

from syncjobs import queue, states
from syncjobs.models import Execution, Job, PushEvent, Worker
from syncjobs.states import Status

ALIVE = timedelta(seconds=60)
_DAY = timedelta(days=1)
_TAG_COUNTS = ("copied", "up_to_date", "skipped", "failed", "deleted")


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """One supervisor or drain, and the age of its last heartbeat in seconds."""

    name: str
    is_supervisor: bool
    is_alive: bool
    heartbeat_age_seconds: float
    job_count: int


@dataclass(frozen=True, slots=True)
class PlatformStatus:
    """
    `finished_24h` counts executions by final status, `tags_24h` and `bytes_copied_24h` what they did.

    Ages are in seconds, 0 where nothing waits. `paused_count` executions wait for a registry that throttles.
    """

    active_executions: dict[str, int]
    finished_24h: dict[str, int]
    tags_24h: dict[str, int]
    bytes_copied_24h: int
    due_job_count: int
    oldest_due_job_seconds: float
    waiting_job_count: int
    running_job_count: int
    doorbell_count: int
    paused_count: int
    unhandled_event_count: int
    oldest_event_seconds: float
    workers: tuple[WorkerStatus, ...]

    @property
    def has_live_worker(self) -> bool:
        """Whether a supervisor or a drain was seen in the last minute."""
        return any(worker.is_alive for worker in self.workers)

    @property
    def is_busy(self) -> bool:
        """Whether an execution runs or waits, or a push event or a doorbell has not been taken up."""
        return any((*self.active_executions.values(), self.unhandled_event_count, self.doorbell_count))


def get_status(now: datetime) -> PlatformStatus:
    """Return everything at once; a handful of indexed queries."""
    active = Execution.objects.active()
    finished = Execution.objects.filter(finished_at__gte=now - _DAY)
    sums = finished.aggregate(
        bytes_copied=Coalesce(Sum("bytes_copied"), 0),
        **{name: Coalesce(Sum(f"{name}_count"), 0) for name in _TAG_COUNTS},
    )
    jobs = Job.objects.filter(status__in=states.ACTIVE)
    due = Job.objects.due(now).aggregate(count=Count("id"), oldest=Min("not_before"))
    events = PushEvent.objects.filter(handled_at=None).aggregate(count=Count("id"), oldest=Min("received_at"))
    by_status = dict(active.order_by().values_list("status").annotate(count=Count("id")))
    ended = dict(finished.order_by().values_list("status").annotate(count=Count("id")))
    return PlatformStatus(
        active_executions={name: by_status.get(name, 0) for name in sorted(states.ACTIVE)},
        finished_24h={name: ended.get(name, 0) for name in sorted(states.FINAL)},
        tags_24h={name: sums[name] for name in _TAG_COUNTS},
        bytes_copied_24h=sums["bytes_copied"],
        due_job_count=due["count"],
        oldest_due_job_seconds=_age(due["oldest"], now),
        waiting_job_count=jobs.filter(status=Status.PENDING).count(),
        running_job_count=jobs.filter(status=Status.RUNNING).count(),
        doorbell_count=queue.waiting_count(),
        paused_count=active.filter(paused_until__gt=now).count(),
        unhandled_event_count=events["count"],
        oldest_event_seconds=_age(events["oldest"], now),
        workers=tuple(_worker(worker, now) for worker in Worker.objects.all()),
    )


def _worker(worker: Worker, now: datetime) -> WorkerStatus:
    age = _age(worker.heartbeat_at, now)
    return WorkerStatus(
        name=worker.name,
        is_supervisor=worker.is_supervisor,
        is_alive=age <= ALIVE.total_seconds(),
        heartbeat_age_seconds=age,
        job_count=worker.job_count,
    )


def _age(moment: datetime | None, now: datetime) -> float:
    return max(0.0, (now - moment).total_seconds()) if moment else 0.0
