"""
Puts tags that were pushed or deleted at a source into jobs, as few of them as possible.

A tag is resolved when it is copied, so a job that waits stands for every later push of its tags, too. What a
worker has in hand is not changed; the next push opens another execution, which waits a little when there is
much to do, so that a burst becomes few executions and a single push loses no time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from syncjobs import planner, queue, states
from syncjobs.models import EventAction, Execution, Job, JobKind, PushEvent, Queue, Trigger
from syncjobs.models.job import JobQuerySet
from syncjobs.services import executions
from syncjobs.services.followers import Follower
from syncjobs.states import Status

_SHORTEST_HOLD = timedelta(seconds=0.5)
_LONGEST_HOLD = timedelta(seconds=5)
_EVENTS_THAT_POUR = 8
_REFUSAL_IS_FRESH_FOR = timedelta(minutes=1)

Changes = Mapping[str, EventAction]
"""What happened last to each tag."""


def enqueue(*, follower: Follower, touched: Mapping[str, Changes], now: datetime) -> None:
    """
    Add changes, by source repository, to a waiting push execution of the follower, or open one.

    Call it in a transaction, and for one follower from one place at a time.
    """
    plan = planner.plan_repositories(follower.selection, {*touched, *_find_rivals(follower, touched)})
    targets = {source: target for source, target in plan.copyable if source in touched}
    fresh = _merge_into_waiting(follower, {source: touched[source] for source in targets})
    refused = _find_refused(follower, plan, touched, now)
    if not fresh and not refused:
        return
    execution, starts_at = _open(follower, [*fresh, *refused], now)
    jobs = [_copy_job(execution, source, targets[source], fresh[source], starts_at) for source in fresh]
    jobs += [_refused_job(execution, source, *refused[source], now) for source in refused]
    Job.objects.bulk_create(jobs, batch_size=500)
    executions.settle(execution.pk, now=now)
    if fresh and starts_at <= now:
        queue.ring()


def merge(tags: Sequence[str], deleted_tags: Sequence[str], changes: Changes) -> tuple[list[str], list[str]]:
    """Return the tags to copy and to delete after the changes; the last word about a tag wins."""
    actions = dict.fromkeys(tags, EventAction.PUSH) | dict.fromkeys(deleted_tags, EventAction.DELETE)
    actions |= changes
    pushed = [tag for tag, action in actions.items() if action == EventAction.PUSH]
    deleted = [tag for tag, action in actions.items() if action == EventAction.DELETE]
    return pushed, deleted


def find_last_scan_id(follower: Follower) -> int:
    """Return the id of the last execution that looked at everything, 0 if none has ended."""
    scans = follower.executions.exclude(trigger=Trigger.PUSH).filter(
        status__in=[Status.SUCCEEDED, Status.FAILED]
    )
    return scans.order_by("-pk").values_list("pk", flat=True).first() or 0


def _waiting_jobs(follower: Follower) -> JobQuerySet:
    return Job.objects.select_for_update(of=("self",)).filter(
        kind=JobKind.COPY,
        status=Status.PENDING,
        **follower.owning("execution__"),
        execution__trigger=Trigger.PUSH,
        execution__status__in=states.ACTIVE,
        execution__stop_requested_at=None,
    )


def _merge_into_waiting(follower: Follower, touched: Mapping[str, Changes]) -> dict[str, Changes]:
    """Give waiting jobs what they can take, and return the rest."""
    rest = dict(touched)
    # Those that wait for another attempt come first: what they will do anyway needs no second job.
    for job in _waiting_jobs(follower).filter(source_repository__in=touched).order_by("-attempt", "pk"):
        changes = rest.pop(job.source_repository, {})
        if job.attempt:
            changes = {tag: action for tag, action in changes.items() if not _covers(job, tag, action)}
        elif _extend(job, changes):
            changes = {}
        if changes:
            rest[job.source_repository] = changes
    return rest


def _covers(job: Job, tag: str, action: EventAction) -> bool:
    is_deletion = tag in job.deleted_tags
    if job.retry_tags is not None and tag not in job.retry_tags:
        return False
    return is_deletion or (action == EventAction.PUSH and tag in (job.tags or ()))


def _extend(job: Job, changes: Changes) -> bool:
    """Change the tags of a job that no worker has ever had; False if one took it meanwhile."""
    tags, deleted_tags = merge(job.tags or [], job.deleted_tags, changes)
    if (tags, deleted_tags) == (job.tags, job.deleted_tags):
        return True
    untouched = Job.objects.filter(pk=job.pk, status=Status.PENDING, attempt=0)
    return bool(untouched.update(tags=tags, deleted_tags=deleted_tags))


def _open(follower: Follower, sources: Collection[str], now: datetime) -> tuple[Execution, datetime]:
    """
    Return an execution with room for these repositories, and when its jobs may start.

    While one of its waiting jobs is locked by us, an execution cannot finish.
    """
    waiting = _waiting_jobs(follower).filter(attempt=0).select_related("execution").order_by("-pk").first()
    if waiting is not None:
        same = Job.objects.filter(
            execution=waiting.execution_id, kind=JobKind.COPY, source_repository__in=sources
        )
        if not same.exists():
            return waiting.execution, waiting.not_before
    starts_at = now + _hold(follower, now)
    execution = executions.open_push(follower=follower, now=now)
    return execution, starts_at


def _hold(follower: Follower, now: datetime) -> timedelta:
    """
    Return how long the next execution waits for more pushes to join it.

    Nothing, unless two push executions are under way, or events pour in faster than executions end; then a
    little, and twice as long each time, so that a burst becomes few executions. Pushes one after the other,
    each done before the next, never wait.
    """
    recent = list(follower.executions.filter(trigger=Trigger.PUSH).order_by("-pk")[:2])
    jobs = list(recent[0].jobs.order_by("pk")[:2]) if recent else []
    if not jobs:
        return timedelta()
    if jobs[0].attempt and jobs[0].status == Status.PENDING:  # a registry is away
        return _LONGEST_HOLD
    is_crowded = len(recent) > 1 and not any(execution.is_final for execution in recent)
    has_gathered = len(jobs) > 1 or len(jobs[0].tags or ()) + len(jobs[0].deleted_tags) > 1
    is_overtaken = has_gathered or not recent[0].is_final
    if not is_crowded and not (is_overtaken and _is_pouring(follower, now)):
        return timedelta()
    if recent[0].created_at < now - 2 * _LONGEST_HOLD:
        return _SHORTEST_HOLD
    held = max(_held(execution) for execution in recent)
    return min(max(2 * held, _SHORTEST_HOLD), _LONGEST_HOLD)


def _held(execution: Execution) -> timedelta:
    first_job = execution.jobs.order_by("pk").first()
    return first_job.not_before - execution.created_at if first_job else timedelta()


def _is_pouring(follower: Follower, now: datetime) -> bool:
    """Tell whether the source sent many events within the last second."""
    latest = PushEvent.objects.filter(instance=follower.source).order_by("-pk")
    times = list(latest.values_list("received_at", flat=True)[:_EVENTS_THAT_POUR])
    return len(times) == _EVENTS_THAT_POUR and times[-1] > now - timedelta(seconds=1)


def _find_rivals(follower: Follower, sources: Collection[str]) -> list[str]:
    """Return the repositories known since the last scan that get the same targets as these."""
    if not follower.selection.merges_paths:
        return []
    selection = follower.selection
    known = Job.objects.filter(
        kind=JobKind.COPY,
        **follower.owning("execution__"),
        execution__gte=find_last_scan_id(follower),
        target_repository__in={planner.target_repository(selection, source) for source in sources},
    )
    return list(known.order_by().values_list("source_repository", flat=True).distinct())


def _find_refused(
    follower: Follower, plan: planner.RepositoryPlan, touched: Collection[str], now: datetime
) -> dict[str, tuple[str, str]]:
    """Return target and reason of what can't be copied and was not refused a moment ago."""
    refused = {
        source: (target, code.value)
        for code, edges in plan.refused.items()
        for source, target in edges
        if source in touched
    }
    if refused:
        said = Job.objects.filter(
            **follower.owning("execution__"),
            execution__trigger=Trigger.PUSH,
            source_repository__in=refused,
            status=Status.FAILED,
            reason__in={code for _target, code in refused.values()},
            finished_at__gt=now - _REFUSAL_IS_FRESH_FOR,
        )
        for source in said.values_list("source_repository", flat=True):
            refused.pop(source, None)
    return refused


def _copy_job(execution: Execution, source: str, target: str, changes: Changes, starts_at: datetime) -> Job:
    tags, deleted_tags = merge([], [], changes)
    return Job(
        execution=execution,
        account_id=execution.source.account_id,
        kind=JobKind.COPY,
        queue=Queue.INTERACTIVE,
        source_repository=source,
        target_repository=target,
        tags=tags,
        deleted_tags=deleted_tags,
        not_before=starts_at,
    )


def _refused_job(execution: Execution, source: str, target: str, code: str, now: datetime) -> Job:
    return Job(
        execution=execution,
        account_id=execution.source.account_id,
        kind=JobKind.COPY,
        queue=Queue.INTERACTIVE,
        source_repository=source,
        target_repository=target[:255],
        tags=[],
        status=Status.FAILED.value,
        reason=code,
        not_before=now,
        finished_at=now,
    )
