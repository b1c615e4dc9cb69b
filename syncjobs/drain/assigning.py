"""
Reads what claimed jobs are about, with the opened credentials of their registries.

A rule's credential is checked once for each claim, not once for each of its jobs.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings

from registries.bandwidth import parse_windows
from registries.models import Instance
from registries.services.access_credentials import CredentialRejected
from registries.transfer.plan import ALL_KINDS, CopyOptions
from registries.vault import VaultError
from syncjobs import reasons
from syncjobs.drain import turns
from syncjobs.drain.assignment import Assignment, Limits, Reason, Refusal
from syncjobs.models import ArtifactType, Execution, Job, JobKind, Outcome
from syncjobs.services import rules

MOST_LOST_WORKERS = 5

log = logging.getLogger(__name__)


def assign(jobs: Iterable[Job], now: datetime) -> list[Assignment | Refusal]:
    """Return for each job what it is about, or why it cannot be worked on."""
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
    if job.lost_count >= MOST_LOST_WORKERS:
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
        is_suspect=job.lost_count >= turns.SUSPECT_AFTER,
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
