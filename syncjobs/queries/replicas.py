"""How replicas are doing: how far they are behind, what went well and wrong last, and whether they drifted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count, F, Max, Min, OuterRef, Q, Subquery

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
class LastError:
    """What went wrong last: a code of `reasons.py`, the registry's words, and whether it is being tried again."""

    reason: str
    detail: str
    happened_at: datetime
    is_retrying: bool


@dataclass(frozen=True, slots=True)
class ReplicaState:
    """Everything that the replication page shows about one replica; `lag_history` is oldest first."""

    lag: Lag
    last_success_at: datetime | None
    last_error: LastError | None
    drift_report: DriftReport | None
    lag_history: tuple[tuple[datetime, float], ...]
    active_scan: Execution | None

    @property
    def is_healthy(self) -> bool:
        """Whether nothing failed since the last success, and nothing is being tried again."""
        error = self.last_error
        return error is None or (
            not error.is_retrying
            and self.last_success_at is not None
            and self.last_success_at >= error.happened_at
        )


def list_states(replicas: Collection[Replica], now: datetime) -> dict[int, ReplicaState]:
    """Return the state of each replica by its key, in nine queries for any number of them."""
    lags = list_lags(replicas, now)
    successes = _last_successes(replicas)
    errors = _last_errors(replicas)
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
            last_error=errors.get(replica.pk),
            drift_report=reports.get(replica.pk),
            lag_history=tuple(histories.get(replica.pk, ())),
            active_scan=scans.get(replica.pk),
        )
        for replica in replicas
    }


def list_lags(replicas: Collection[Replica], now: datetime) -> dict[int, Lag]:
    """Return how far each replica is behind, by its key, in three queries."""
    behind = dict.fromkeys((replica.pk for replica in replicas), 0)
    oldest: dict[int, datetime] = {}
    active = Job.objects.filter(
        execution__replica__in=replicas, execution__status__in=states.ACTIVE, status__in=states.ACTIVE
    )
    pushed = active.filter(execution__trigger=Trigger.PUSH).order_by("execution_id")
    rows = pushed.values_list(
        "execution__replica__pk", "execution__created_at", "tags", "retry_tags", "deleted_tags"
    )
    for pk, created_at, tags, retry_tags, deleted_tags in rows[:_MOST_JOBS]:
        left = retry_tags if retry_tags is not None else [*(tags or ()), *deleted_tags]
        behind[pk] += len(left)
        oldest[pk] = min(oldest.get(pk, created_at), created_at)
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


def _last_successes(replicas: Collection[Replica]) -> Mapping[int, datetime]:
    done = Execution.objects.filter(replica__in=replicas, status=Status.SUCCEEDED, trigger__in=_BRINGING)
    return dict(done.order_by().values_list("replica__pk").annotate(last=Max("finished_at")))


def _last_errors(replicas: Collection[Replica]) -> dict[int, LastError]:
    """Return what failed last for good, or what is just being tried again, which is news."""
    failed = Execution.objects.filter(replica=OuterRef("pk"), status=Status.FAILED).order_by("-pk")
    chosen = Replica.objects.filter(pk__in=[replica.pk for replica in replicas])
    last = chosen.annotate(last=Subquery(failed.values("pk")[:1])).values("last")
    errors = {
        execution.replica_id: LastError(
            execution.reason, execution.reason_detail, execution.finished_at, is_retrying=False
        )
        for execution in Execution.objects.filter(pk__in=last)
        if execution.replica_id is not None and execution.finished_at is not None
    }
    waiting = (
        Job.objects.filter(
            ~Q(reason=""),
            execution__replica__in=replicas,
            execution__status__in=states.ACTIVE,
            status__in=states.ACTIVE,
        )
        .order_by("first_failed_at")
        .values_list("execution__replica__pk", "reason", "reason_detail", "first_failed_at")
        .annotate(begun=F("started_at"))
    )
    for replica, reason, detail, failed_at, begun_at in waiting[:_MOST_JOBS]:
        happened_at = failed_at or begun_at
        if happened_at is not None:
            errors[replica] = LastError(reason, detail, happened_at, is_retrying=True)
    return errors


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
