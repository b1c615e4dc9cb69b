"""Opens, stops, retries and finishes executions."""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q, Sum
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Permission, User
from syncjobs import policies, queue, reasons, states
from syncjobs.models import Execution, Job, JobKind, OutcomeStatus, Queue, Rule, Trigger
from syncjobs.models.job import WAITING
from syncjobs.services import replica_endings
from syncjobs.services.followers import Follower
from syncjobs.states import Status

_TAG_COUNTS = ("copied_count", "up_to_date_count", "skipped_count", "failed_count", "deleted_count")
_SUMS = (*_TAG_COUNTS, "bytes_copied")


@transaction.atomic
def open_scan(*, rule: Rule, trigger: Trigger, by: User | None, now: datetime) -> Execution:
    """
    Open an execution that lists everything the rule matches, and ring for a worker.

    Raises IntegrityError if a scan of the rule is active (constraint `one_active_scan_per_rule`).
    """
    execution = Execution.objects.create(
        source=rule.source, rule=rule, trigger=trigger, started_by=by, created_at=now
    )
    Job.objects.create(
        execution=execution,
        account_id=rule.source.account_id,
        kind=JobKind.DISCOVER,
        queue=Queue.INTERACTIVE,
        not_before=now,
    )
    queue.ring()
    return execution


def open_push(*, follower: Follower, now: datetime) -> Execution:
    """Open an execution for what was pushed; its jobs are the caller's affair."""
    return Execution.objects.create(
        source=follower.source,
        rule=follower.rule,
        replica=follower.replica,
        replica_name=follower.replica.replica_id if follower.replica else "",
        trigger=Trigger.PUSH,
        created_at=now,
    )


@transaction.atomic
def stop(*, execution: Execution, by: User | None, now: datetime) -> None:
    """
    Ask the workers to stop, and stop at once what no worker has taken.

    Raises PermissionDenied, and Refused if the execution has finished.
    """
    permissions.check(by, Permission.SYNCHRONIZE, execution.source)
    execution = _lock(execution)
    policies.check_can_stop(execution)
    Execution.objects.filter(pk=execution.pk, stop_requested_at=None).update(stop_requested_at=now)
    execution.jobs.filter(status=Status.PENDING).update(
        status=Status.STOPPED.value, finished_at=now, reason=reasons.STOPPED_BY_USER
    )
    audit.record(
        audit.Verb.EXECUTION_STOPPED, by=by, target=execution, account=execution.source.account, now=now
    )
    settle(execution.pk, now=now)


@transaction.atomic
def withdraw(execution_pk: int, *, reason: str, now: datetime) -> bool:
    """
    Stop an execution in the platform's name, for a reason of `reasons.py`; False if it has ended or is stopping.

    Safe to repeat. What a worker has in hand ends within moments, the rest at once.
    """
    active = Execution.objects.active().filter(pk=execution_pk, stop_requested_at=None)
    if not active.update(stop_requested_at=now, reason=reason):
        return False
    Job.objects.filter(execution=execution_pk, status=Status.PENDING).update(
        status=Status.STOPPED.value, finished_at=now, reason=reason
    )
    settle(execution_pk, now=now)
    return True


@transaction.atomic
def retry_failed(*, execution: Execution, by: User | None, now: datetime) -> None:
    """
    Put the failed and stopped repositories of a finished execution back into the queue.

    A repository that failed for some tags only works on those again; of any other, the counts of tags begin
    anew. Bytes that were copied stay counted.

    Raises PermissionDenied, and Refused if there is nothing to retry, it has not finished, or another scan of
    the rule is active.
    """
    permissions.check(by, Permission.SYNCHRONIZE, execution.source)
    execution = _lock(execution)
    policies.check_can_retry(execution)
    for job in execution.jobs.filter(status__in=[Status.FAILED, Status.STOPPED]):
        _put_back(job, now)
    try:
        with transaction.atomic():
            Execution.objects.filter(pk=execution.pk).move(
                Status.RUNNING, finished_at=None, stop_requested_at=None, reason="", reason_detail=""
            )
    except IntegrityError:
        raise policies.AlreadyRunning(_("Another scan of this rule was started just now.")) from None
    audit.record(
        audit.Verb.EXECUTION_RETRIED, by=by, target=execution, account=execution.source.account, now=now
    )
    settle(execution.pk, now=now)
    queue.ring_all()


def settle(execution_pk: int, *, now: datetime) -> None:
    """
    Recount the execution from its jobs, and finish it when none of them is active; safe to repeat.

    Call it in the transaction that changed the jobs, after the change. Workers that end jobs of one execution
    at the same time count one after another, so that the last one sees all of them.
    """
    execution = Execution.objects.filter(pk=execution_pk)
    # Without the key: workers that have just stored outcomes refer to the row, and would wait for each other.
    stop_reasons = list(execution.select_for_update(no_key=True).values_list("reason", flat=True))
    if not stop_reasons:
        return
    jobs = Job.objects.filter(execution=execution_pk)
    is_copy = Q(kind=JobKind.COPY)
    tally = jobs.aggregate(
        **{status.value: Count("id", filter=Q(status=status)) for status in Status},
        next_attempt_at=Min("not_before", filter=WAITING),
        repository_count=Count("id", filter=is_copy),
        succeeded_repository_count=Count("id", filter=is_copy & Q(status=Status.SUCCEEDED)),
        failed_repository_count=Count("id", filter=is_copy & Q(status=Status.FAILED)),
        **{name: Sum(name, filter=is_copy, default=0) for name in _SUMS},
    )
    counts = states.JobCounts(**{status.value: tally.pop(status.value) for status in Status})
    execution.update(**tally)
    final = states.roll_up(counts)
    if final is None:
        return
    if stop_reasons[0]:  # the platform stopped it: what a worker gave up was not stopped by a user
        jobs.filter(status=Status.STOPPED, reason=reasons.STOPPED_BY_USER).update(reason=stop_reasons[0])
    changes: dict[str, object] = {"finished_at": now}
    failed = jobs.filter(status=Status.FAILED).exclude(reason="").first()
    if failed:
        where = (failed.source_repository, failed.reason_detail)
        changes |= {"reason": failed.reason, "reason_detail": ": ".join(filter(None, where))[:500]}
    elif final is Status.STOPPED:
        changes["reason"] = stop_reasons[0] or reasons.STOPPED_BY_USER
    elif not tally["repository_count"] and execution.filter(replica_name="").exists():
        changes["reason"] = reasons.NOTHING_MATCHED
    if execution.move(final, **changes):
        replica_endings.conclude(execution_pk, now=now)


def _lock(execution: Execution) -> Execution:
    """Return the execution as it is now, and keep others from moving it until the transaction ends."""
    locked = Execution.objects.select_for_update(of=("self",)).select_related("rule", "source__account")
    return locked.get(pk=execution.pk)


def _put_back(job: Job, now: datetime) -> None:
    tags: set[str] | None = None
    if job.status == Status.FAILED and job.retry_tags is not None:
        failed = job.outcomes.filter(status=OutcomeStatus.FAILED).values_list("tag", flat=True)
        tags = {*job.retry_tags, *failed}
    Job.objects.filter(pk=job.pk, status=job.status).move(
        Status.PENDING,
        not_before=now,
        finished_at=None,
        first_failed_at=None,
        lost_count=0,
        reason="",
        reason_side="",
        reason_detail="",
        retry_tags=None if tags is None else sorted(tags),
        **dict.fromkeys(_TAG_COUNTS if tags is None else ["failed_count"], 0),
    )
