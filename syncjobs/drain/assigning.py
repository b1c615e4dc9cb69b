"""
Reads what claimed jobs are about, with the opened credentials of their registries.

A rule's credential is checked once for each claim, not once for each of its jobs. While the other account could
make it right again, the job is put back and tried again within its retry window.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction

from registries.bandwidth import parse_windows
from registries.models import Instance, ReplicaStatus
from registries.transfer.plan import ALL_KINDS, CopyOptions
from registries.vault import VaultError
from syncjobs import reasons
from syncjobs.drain import turns
from syncjobs.drain.assignment import Assignment, Limits, Reason, Refusal, Work
from syncjobs.drain.recorder import backoff
from syncjobs.models import MIRROR_SCANS, ArtifactType, Execution, Job, JobKind, Outcome, Trigger
from syncjobs.planner import EVERYTHING
from syncjobs.services import executions, rules
from syncjobs.services.rules import CredentialStopped
from syncjobs.states import Status

MOST_LOST_WORKERS = 5
_STOPS = frozenset({reasons.STOPPED_BY_USER, reasons.ACCOUNT_DISABLED, reasons.REPLICA_DELETED})
_NEVER_GIVES_UP = timedelta(days=36_500)
_REPLICA_WAITS_SECONDS = 30.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Problem:
    """Why the rule of an execution may not push; one that may heal is tried again."""

    reason: Reason
    may_heal: bool = False


def assign(jobs: Iterable[Job], now: datetime) -> list[Assignment | Refusal]:
    """
    Return for each job what it is about, or why it cannot be worked on.

    A job whose credential may heal is put back, and not returned.
    """
    verdicts: dict[int, _Problem | None] = {}
    result: list[Assignment | Refusal] = []
    waiting: list[tuple[Job, Reason]] = []
    for job in jobs:
        execution = job.execution
        problem = _find_problem(job)
        if problem is None:
            if execution.pk not in verdicts:
                verdicts[execution.pk] = _credential_problem(execution, now)
            problem = verdicts[execution.pk]
        if problem is None:
            try:
                result.append(_assignment(job, now))
            except VaultError as error:
                log.error("Job %s: %s", job.pk, error)
                result.append(Refusal(job.pk, execution.pk, Reason(reasons.SECRET_UNREADABLE)))
        elif problem.may_heal and _next_attempt(job, now) is not None:
            waiting.append((job, problem.reason))
        else:
            is_stop = problem.reason.code in _STOPS
            result.append(Refusal(job.pk, execution.pk, problem.reason, is_stop))
    if waiting:
        _put_back(waiting, now)
    return result


@transaction.atomic
def _put_back(waiting: Iterable[tuple[Job, Reason]], now: datetime) -> None:
    """Let jobs wait for another attempt, under the lease that they were claimed with."""
    for job, reason in waiting:
        Job.objects.leased(job.lease_token).filter(pk=job.pk).move(
            Status.PENDING,
            lease_token="",
            lease_until=None,
            progress={},
            not_before=_next_attempt(job, now) or now,
            first_failed_at=job.first_failed_at or now,
            reason=reason.code,
            reason_side=reason.side,
            reason_detail=reason.detail,
        )
    for execution_pk in sorted({job.execution_id for job, _reason in waiting}):
        executions.settle(execution_pk, now=now)


def _next_attempt(job: Job, now: datetime) -> datetime | None:
    """Return when the job is tried again, None if its retry window ends before."""
    not_before = now + backoff(job.attempt, spread=random.random())
    return not_before if not_before <= _retry_until(job, now) else None


def _retry_until(job: Job, now: datetime) -> datetime:
    rule = job.execution.rule
    window = timedelta(seconds=rule.retry_window_seconds) if rule else _NEVER_GIVES_UP
    return (job.first_failed_at or now) + window


def _find_problem(job: Job) -> _Problem | None:
    execution = job.execution
    if execution.stop_requested_at is not None:
        return _Problem(Reason(execution.reason or reasons.STOPPED_BY_USER))
    if execution.rule is None and _is_replica_going(execution):
        return _Problem(Reason(reasons.REPLICA_DELETED))
    if not execution.source.account.is_active and execution.trigger != Trigger.REMOVAL:
        return _Problem(Reason(reasons.ACCOUNT_DISABLED))
    if job.lost_count >= MOST_LOST_WORKERS:
        return _Problem(Reason(reasons.WORKER_LOST))
    return None


def _is_replica_going(execution: Execution) -> bool:
    """Tell whether only a removal may still work on the replica, or nobody because it is gone."""
    replica = execution.replica
    return replica is None or (
        replica.status == ReplicaStatus.DELETING and execution.trigger != Trigger.REMOVAL
    )


def _credential_problem(execution: Execution, now: datetime) -> _Problem | None:
    if execution.rule is None:
        return None
    try:
        rules.check_credential(rule=execution.rule, now=now)
    except CredentialStopped as stopped:
        return _Problem(Reason(stopped.reason, "target"), may_heal=stopped.may_heal)
    except VaultError as error:
        log.error("Rule %s: %s", execution.rule.pk, error)
        return _Problem(Reason(reasons.SECRET_UNREADABLE))
    return None


def _assignment(job: Job, now: datetime) -> Assignment:
    execution = job.execution
    tags = job.retry_tags if job.retry_tags is not None else job.tags
    return Assignment(
        job_id=job.pk,
        execution_id=execution.pk,
        account_id=job.account_id,
        is_discovery=job.kind == JobKind.DISCOVER,
        attempt=job.attempt,
        source_repository=job.source_repository,
        target_repository=job.target_repository,
        tags=None if tags is None else tuple(tags),
        deleted_tags=tuple(
            tag for tag in job.deleted_tags if job.retry_tags is None or tag in job.retry_tags
        ),
        retry_until=_retry_until(job, now),
        has_failed_before=job.first_failed_at is not None,
        failed_for_good_count=job.failed_count,
        is_suspect=job.lost_count >= turns.SUSPECT_AFTER,
        previous=_previous(job),
        **(_ways_of_rule(execution) if execution.rule else _ways_of_replica(execution)),
    )


def _ways_of_rule(execution: Execution) -> dict[str, Any]:
    """Return where the jobs of a rule lead and how they copy."""
    rule = execution.rule
    if rule is None or rule.target is None:
        raise ValueError(f"Execution {execution.pk} belongs to no rule, or leads nowhere.")
    target = rule.target.endpoint()
    return {
        "selection": rule.selection,
        "options": CopyOptions(
            override=rule.override,
            kinds=ALL_KINDS if rule.artifact_type == ArtifactType.BOTH else frozenset({rule.artifact_type}),
            referrers=rule.with_referrers,
        ),
        "source": rule.source.endpoint(),
        "target": replace(target, is_private=target.is_private or rule.is_cross_tenant),
        "rule_id": rule.pk,
        "rule_limits": Limits(None, rule.bandwidth, parse_windows(rule.bandwidth_windows), rule.time_zone),
        "source_limits": _limits_of(rule.source),
        "target_limits": _limits_of(rule.target),
    }


def _ways_of_replica(execution: Execution) -> dict[str, Any]:
    """Return where the jobs of a replica lead: everything, as it is, and for as long as it takes."""
    replica = execution.replica
    if replica is None:
        raise ValueError(f"Execution {execution.pk} belongs to no replica.")
    if execution.trigger == Trigger.REMOVAL:
        work = Work.REMOVE
    elif execution.trigger == Trigger.DRIFT:
        work = Work.COMPARE
    else:
        work = Work.MIRROR if execution.trigger in MIRROR_SCANS else Work.COPY
    return {
        "selection": EVERYTHING,
        "options": CopyOptions(override=True),
        "source": replica.primary.endpoint(),
        "target": replica.endpoint(),
        "rule_id": None,
        "rule_limits": Limits(),
        "source_limits": _limits_of(replica.primary),
        "target_limits": Limits(),
        "work": work,
        "replica_id": replica.pk,
        "is_confirmed": execution.trigger == Trigger.REPAIR,
        "longest_wait_seconds": _REPLICA_WAITS_SECONDS,
    }


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
