"""How replicas are doing: how far they are behind, what went well and wrong last, and whether they drifted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, OuterRef, Q, QuerySet, Subquery

from registries.models import Replica
from syncjobs import states
from syncjobs.models import (
    MIRROR_SCANS,
    DriftReport,
    Execution,
    Job,
    JobKind,
    LagSample,
    PushEvent,
    Trigger,
)
from syncjobs.states import Status

HISTORY = timedelta(hours=1)
"""How far back the line of the lag goes: one sample a minute."""

_MOST_JOBS = 2000
_MOST_SAMPLES = 90
_BRINGING = [*MIRROR_SCANS, Trigger.PUSH]
_JOB_FIELDS = (
    "execution__replica",
    "execution__trigger",
    "execution__created_at",
    "tags",
    "retry_tags",
    "deleted_tags",
    "reason",
    "reason_detail",
)


@dataclass(frozen=True, slots=True)
class Lag:
    """
    How far a replica is behind its primary.

    `artifacts_behind` counts tags that were pushed or deleted and are not yet so at the replica, and during the
    first back-fill the repositories that have not arrived. `seconds_behind` is the age of the oldest of those
    pushes, 0 if there is none.
    """

    artifacts_behind: int = 0
    seconds_behind: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why something is being tried again: a code of `reasons.py`, and the registry's words."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """Everything that the replication page shows about one replica; `lag_history` is oldest first."""

    lag: Lag
    last_success_at: datetime | None
    trouble: Trouble | None
    drift_report: DriftReport | None
    lag_history: tuple[tuple[datetime, float], ...]
    active_scan: Execution | None


def list_states(replicas: Collection[Replica], now: datetime) -> dict[int, ReplicaState]:
    """Return the state of each replica by its key, in seven queries for any number of them."""
    jobs = _list_jobs(replicas)
    lags = _lags(replicas, jobs, now)
    successes = _last_successes(replicas)
    troubles = _troubles(jobs)
    reports = _last_reports(replicas)
    histories = _histories(replicas, now)
    scans = {
        scan.replica_id: scan
        for scan in Execution.objects.active().filter(replica__in=replicas).exclude(trigger=Trigger.PUSH)
    }
    return {
        replica.pk: ReplicaState(
            lag=lags[replica.pk],
            last_success_at=successes.get(replica.pk),
            trouble=troubles.get(replica.pk),
            drift_report=reports.get(replica.pk),
            lag_history=tuple(histories.get(replica.pk, ())),
            active_scan=scans.get(replica.pk),
        )
        for replica in replicas
    }


def list_lags(replicas: Collection[Replica], now: datetime) -> dict[int, Lag]:
    """Return how far each replica is behind, by its key, in three queries."""
    return _lags(replicas, _list_jobs(replicas), now)


def _list_jobs(replicas: Collection[Replica]) -> list[Any]:
    """Return what is still to be done for pushes, and whatever is being tried again, the oldest first."""
    open_jobs = _active_jobs(replicas).filter(Q(execution__trigger=Trigger.PUSH) | ~Q(reason=""))
    rows = open_jobs.order_by("execution_id").values_list(*_JOB_FIELDS, named=True)
    return list(rows[:_MOST_JOBS])


def _active_jobs(replicas: Collection[Replica]) -> QuerySet[Job]:
    return Job.objects.filter(
        execution__replica__in=replicas, execution__status__in=states.ACTIVE, status__in=states.ACTIVE
    )


def _lags(replicas: Collection[Replica], jobs: Iterable[Any], now: datetime) -> dict[int, Lag]:
    behind = dict.fromkeys((replica.pk for replica in replicas), 0)
    oldest: dict[int, datetime] = {}
    for job in jobs:
        if job.execution__trigger != Trigger.PUSH:
            continue
        pk, created_at = job.execution__replica, job.execution__created_at
        left = job.retry_tags if job.retry_tags is not None else [*(job.tags or ()), *job.deleted_tags]
        behind[pk] += len(left)
        oldest[pk] = min(oldest.get(pk, created_at), created_at)
    active = _active_jobs(replicas)
    scanned = active.filter(execution__trigger=Trigger.BACKFILL, kind=JobKind.COPY).order_by()
    for pk, count in scanned.values_list("execution__replica__pk").annotate(count=Count("id")):
        behind[pk] += count
    events = _unhandled_events(replicas)
    for replica in replicas:
        count, received_at = events.get(replica.primary_id, (0, None))
        behind[replica.pk] += count
        if received_at is not None:
            oldest[replica.pk] = min(oldest.get(replica.pk, received_at), received_at)
    return {
        pk: Lag(count, max(0.0, (now - oldest[pk]).total_seconds()) if pk in oldest else 0.0)
        for pk, count in behind.items()
    }


def _unhandled_events(replicas: Collection[Replica]) -> dict[int, tuple[int, datetime | None]]:
    """Return by primary how many of its events nobody has looked at, and since when."""
    waiting = PushEvent.objects.filter(
        handled_at=None, instance__in={replica.primary_id for replica in replicas}
    ).order_by()
    rows = waiting.values_list("instance").annotate(count=Count("id"), oldest=Min("received_at"))
    return {instance: (count, oldest) for instance, count, oldest in rows}


def _last_successes(replicas: Collection[Replica]) -> dict[int, datetime | None]:
    """Return by replica when something was last brought to it without a failure."""
    done = Execution.objects.filter(replica=OuterRef("pk"), status=Status.SUCCEEDED, trigger__in=_BRINGING)
    chosen = Replica.objects.filter(pk__in=[replica.pk for replica in replicas]).order_by()
    last = Subquery(done.order_by("-id").values("finished_at")[:1])
    return dict(chosen.annotate(last=last).values_list("pk", "last"))


def _troubles(jobs: Iterable[Any]) -> dict[int, Trouble]:
    """Return by replica what is being tried again, of several the newest."""
    return {job.execution__replica: Trouble(job.reason, job.reason_detail) for job in jobs if job.reason}


def _last_reports(replicas: Collection[Replica]) -> dict[int, DriftReport]:
    newest = DriftReport.objects.filter(replica__in=replicas).order_by().values("replica")
    last = newest.annotate(last=Max("pk")).values("last")
    return {report.replica_id: report for report in DriftReport.objects.filter(pk__in=last)}


def _histories(replicas: Collection[Replica], now: datetime) -> dict[int, list[tuple[datetime, float]]]:
    samples = LagSample.objects.filter(replica__in=replicas, sampled_at__gte=now - HISTORY)
    histories: dict[int, list[tuple[datetime, float]]] = {}
    rows = samples.order_by("sampled_at").values_list("replica__pk", "sampled_at", "seconds_behind")
    for replica, sampled_at, seconds in rows[: _MOST_SAMPLES * max(1, len(replicas))]:
        histories.setdefault(replica, []).append((sampled_at, seconds))
    return histories
