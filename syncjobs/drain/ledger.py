"""
The SQL of a drain: claiming due jobs and keeping their leases.

Every function is synchronous and runs in the drain's database thread. A claim counts the attempt before the
work starts, so that a job that kills its worker is found out (reference/ecosystem.md 2.3, C3).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Case, F, PositiveIntegerField, Value, When
from django.db.models.functions import Coalesce

from registries.bandwidth import parse_windows
from registries.models import Instance
from registries.services.access_credentials import CredentialRejected
from registries.transfer.plan import ALL_KINDS, CopyOptions
from registries.vault import VaultError
from syncjobs import reasons
from syncjobs.drain.assignment import Assignment, Limits, Reason, Refusal
from syncjobs.models import ArtifactType, Execution, Job, JobKind, Outcome, Queue, Worker
from syncjobs.services import rules
from syncjobs.states import Status

LEASE = timedelta(seconds=30)
_MOST_LOST_WORKERS = 5

log = logging.getLogger(__name__)


def has_due(now: datetime) -> bool:
    """Return whether any job could be claimed."""
    return Job.objects.due(now).exists()


def claim(*, token: str, bulk_room: int, interactive_room: int, now: datetime) -> list[Assignment | Refusal]:
    """
    Take due jobs for the holder of the token, interactive ones first, at most as many as there is room for.

    What can't be worked on (credential rejected, stopped meanwhile, killed too many workers) comes back as a
    Refusal, under lease as well: the recorder ends it.
    """
    with transaction.atomic():
        ids = _lock(Queue.INTERACTIVE, interactive_room, now)
        ids += _lock(Queue.BULK, bulk_room, now)
        if not ids:
            return []
        Job.objects.filter(pk__in=ids).update(
            lost_count=F("lost_count")
            + Case(When(status=Status.RUNNING, then=1), default=0, output_field=PositiveIntegerField()),
            status=Status.RUNNING.value,
            attempt=F("attempt") + 1,
            lease_token=token,
            lease_until=now + LEASE,
            progress={},
            started_at=Coalesce("started_at", Value(now)),
        )
        jobs = list(
            Job.objects.filter(pk__in=ids).select_related(
                "execution__rule__source__backend__credential",
                "execution__rule__source__credential",
                "execution__rule__source__account",
                "execution__rule__target__backend__credential",
                "execution__rule__target__credential",
            )
        )
        Execution.objects.filter(pk__in={job.execution_id for job in jobs}).exclude(
            status=Status.RUNNING
        ).move(Status.RUNNING, started_at=Coalesce("started_at", Value(now)))
    return _assign(jobs, now)


def extend_leases(*, token: str, now: datetime) -> set[int]:
    """Heartbeat: keep what the token holds; return the ids of the jobs it still holds."""
    held = Job.objects.leased(token)
    held.update(lease_until=now + LEASE)
    return set(held.values_list("pk", flat=True))


def find_stopped(execution_ids: Iterable[int]) -> set[int]:
    """Return those of the executions that somebody asked to stop, or that are gone."""
    wanted = set(execution_ids)
    going_on = Execution.objects.filter(pk__in=wanted, stop_requested_at=None).values_list("pk", flat=True)
    return wanted - set(going_on)


def sign_in(*, name: str, token: str, now: datetime, is_supervisor: bool = False) -> None:
    """Show this drain or supervisor as alive."""
    fresh = {"started_at": now, "heartbeat_at": now, "job_count": 0, "endpoints": []}
    Worker.objects.update_or_create(
        name=name, defaults={"token": token, "is_supervisor": is_supervisor, **fresh}
    )


def beat(*, token: str, now: datetime, job_count: int = 0, endpoints: Sequence[str] = ()) -> None:
    """Renew the heartbeat of this drain or supervisor."""
    Worker.objects.filter(token=token).update(
        heartbeat_at=now, job_count=job_count, endpoints=list(endpoints)
    )


def worker_counts(now: datetime) -> dict[str, int]:
    """Return how many living drains speak to each registry: they divide its limits among them."""
    alive = Worker.objects.filter(is_supervisor=False, heartbeat_at__gte=now - LEASE)
    return Counter(
        address for endpoints in alive.values_list("endpoints", flat=True) for address in endpoints
    )


def show_pauses(pauses: Mapping[int, tuple[datetime, str] | None]) -> None:
    """Show on executions until when, and why, a registry makes them wait; None: no longer."""
    for execution_id, pause in pauses.items():
        until, reason = pause or (None, "")
        Execution.objects.filter(pk=execution_id, finished_at=None).update(
            paused_until=until, pause_reason=reason[:255]
        )


def sign_out(*, token: str) -> None:
    """Take this drain or supervisor off the list."""
    Worker.objects.filter(token=token).delete()


def open_copies(assignment: Assignment, edges: Iterable[tuple[str, str]], now: datetime) -> int:
    """Create a job for each repository that discovery found; safe to repeat. Returns how many it was given."""
    jobs = [
        Job(
            execution_id=assignment.execution_id,
            account_id=assignment.account_id,
            kind=JobKind.COPY,
            queue=Queue.BULK,
            source_repository=source,
            target_repository=target,
            not_before=now,
        )
        for source, target in edges
    ]
    Job.objects.bulk_create(jobs, batch_size=500, ignore_conflicts=True)
    return len(jobs)


def open_failures(
    assignment: Assignment, edges: Iterable[tuple[str, str]], reason: Reason, now: datetime
) -> None:
    """Create an already failed job for each repository that must not be copied; safe to repeat."""
    jobs = [
        Job(
            execution_id=assignment.execution_id,
            account_id=assignment.account_id,
            source_repository=source,
            target_repository=target[:255],
            status=Status.FAILED.value,
            reason=reason.code,
            reason_side=reason.side,
            reason_detail=reason.detail[:500],
            not_before=now,
            finished_at=now,
        )
        for source, target in edges
    ]
    Job.objects.bulk_create(jobs, batch_size=500, ignore_conflicts=True)


def _lock(queue: Queue, limit: int, now: datetime) -> list[int]:
    if limit <= 0:
        return []
    due = Job.objects.due(now).filter(queue=queue).order_by("id")
    if connection.features.has_select_for_update_skip_locked:
        due = due.select_for_update(skip_locked=True)
    return list(due.values_list("pk", flat=True)[:limit])


def _assign(jobs: list[Job], now: datetime) -> list[Assignment | Refusal]:
    verdicts: dict[int, Reason | None] = {}
    result: list[Assignment | Refusal] = []
    for job in jobs:
        execution = job.execution
        refusal = _refusal(job)
        if refusal is None:
            if execution.pk not in verdicts:
                verdicts[execution.pk] = _credential_problem(execution, now)
            refusal = verdicts[execution.pk]
        if refusal is not None:
            is_stop = refusal.code == reasons.STOPPED_BY_USER
            result.append(Refusal(job.pk, execution.pk, refusal, is_stop))
            continue
        try:
            result.append(_assignment(job, now))
        except VaultError as error:
            log.error("Job %s: %s", job.pk, error)
            result.append(Refusal(job.pk, execution.pk, Reason(reasons.SECRET_UNREADABLE)))
    return result


def _refusal(job: Job) -> Reason | None:
    if job.execution.stop_requested_at is not None:
        return Reason(reasons.STOPPED_BY_USER)
    if job.lost_count >= _MOST_LOST_WORKERS:
        return Reason(reasons.WORKER_LOST)
    return None


def _credential_problem(execution: Execution, now: datetime) -> Reason | None:
    if execution.rule is None:
        return None
    try:
        rules.check_credential(rule=execution.rule, now=now)
    except CredentialRejected:
        return Reason(reasons.CREDENTIAL_REJECTED, "target")
    except VaultError as error:
        log.error("Rule %s: %s", execution.rule.pk, error)
        return Reason(reasons.SECRET_UNREADABLE)
    return None


def _assignment(job: Job, now: datetime) -> Assignment:
    execution = job.execution
    rule = execution.rule
    if rule is None:
        raise ValueError(f"Execution {execution.pk} belongs to no rule.")
    tags = job.retry_tags if job.retry_tags is not None else job.tags
    first_failed_at = job.first_failed_at or now
    return Assignment(
        job_id=job.pk,
        execution_id=execution.pk,
        account_id=job.account_id,
        is_discovery=job.kind == JobKind.DISCOVER,
        attempt=job.attempt,
        selection=rule.selection,
        options=CopyOptions(
            override=rule.override,
            kinds=ALL_KINDS if rule.artifact_type == ArtifactType.BOTH else frozenset({rule.artifact_type}),
            referrers=rule.with_referrers,
        ),
        source=rule.source.endpoint(),
        target=rule.target.endpoint(),
        source_repository=job.source_repository,
        target_repository=job.target_repository,
        tags=None if tags is None else tuple(tags),
        deleted_tags=tuple(
            tag for tag in job.deleted_tags if job.retry_tags is None or tag in job.retry_tags
        ),
        rule_id=rule.pk,
        rule_limits=Limits(None, rule.bandwidth, parse_windows(rule.bandwidth_windows), rule.time_zone),
        source_limits=_limits_of(rule.source),
        target_limits=_limits_of(rule.target),
        retry_until=first_failed_at + timedelta(seconds=rule.retry_window_seconds),
        has_failed_before=job.first_failed_at is not None,
        failed_for_good_count=job.failed_count,
        previous=_previous(job),
    )


def _limits_of(instance: Instance) -> Limits:
    return Limits(
        instance.requests_per_second,
        instance.bandwidth,
        parse_windows(instance.bandwidth_windows),
        settings.TIME_ZONE,
    )


def _previous(job: Job) -> dict[str, tuple[str, str]]:
    if job.attempt <= 1:
        return {}
    rows = Outcome.objects.filter(job=job).values_list("tag", "status", "digest")
    return {tag: (status, digest) for tag, status, digest in rows}
