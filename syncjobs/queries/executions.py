"""The log of a rule or a replica, and one execution in all its detail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from django.db.models import Case, Count, IntegerField, Q, Sum, Value, When

from registries.models import Replica
from syncjobs.models import Execution, Job, JobKind, Outcome, OutcomeStatus, Rule
from syncjobs.models.job import WAITING
from syncjobs.queries.rows import Rows
from syncjobs.states import ACTIVE, Status

_COUNTED = ("copied", "up_to_date", "skipped", "failed", "deleted")
_WORST_FIRST = (Status.FAILED, Status.RUNNING, Status.PENDING, Status.STOPPED, Status.SUCCEEDED)
_REPEATED = Q(status=Status.PENDING, attempt__gt=0) | Q(status=Status.RUNNING, attempt__gt=1)
_MAXIMUM_SHOWN = 10_000
_CURRENT_SHOWN = 8
_ESTIMATE_AFTER = timedelta(seconds=10)


@dataclass(frozen=True, slots=True)
class ExecutionRow:
    """One line of a log, as of the moment it was asked for."""

    execution: Execution
    duration: timedelta | None
    success_ratio: float | None

    @property
    def repositories(self) -> dict[str, int]:
        """How many repositories ended well, ended badly, and have not ended: as far as the log knows."""
        succeeded, failed = self.execution.succeeded_repository_count, self.execution.failed_repository_count
        return {
            "succeeded": succeeded,
            "failed": failed,
            "pending": max(0, self.execution.repository_count - succeeded - failed),
        }

    @property
    def finished_count(self) -> int:
        """How many repositories need no more work."""
        return self.execution.succeeded_repository_count + self.execution.failed_repository_count


@dataclass(frozen=True, slots=True)
class TagCounts:
    """
    What became of tags, those of the attempts under way included.

    `waiting` are those that failed and will be tried again; they are not among the failed ones.
    """

    copied: int
    up_to_date: int
    skipped: int
    failed: int
    deleted: int
    bytes_copied: int
    waiting: int = 0


@dataclass(frozen=True, slots=True)
class JobRow:
    """
    One repository of an execution.

    `state` is the job's status, or "waiting" for one that failed and will be tried again at its `not_before`.
    """

    job: Job
    counts: TagCounts
    state: str


@dataclass(frozen=True, slots=True)
class ExecutionSummary:
    """
    Everything above the tables of an execution's page.

    `repositories` counts them by status; `retryable_count` includes a failed look for repositories.
    `bytes_per_second` is the average so far; `remaining` an estimate from the repositories done, None where
    there is nothing to estimate from; `is_paused` says that a registry asked for a pause which is not over;
    `waiting_for` is the job whose next attempt comes first, one of `waiting_count`; `current` are the repositories
    in work, those that began first, eight at most.
    """

    execution: Execution
    duration: timedelta | None
    success_ratio: float | None
    counts: TagCounts
    repositories: dict[str, int]
    retryable_count: int
    bytes_per_second: float | None
    remaining: timedelta | None
    is_paused: bool
    waiting_for: Job | None
    waiting_count: int
    current: tuple[JobRow, ...]

    @property
    def repository_count(self) -> int:
        """How many repositories are known so far."""
        return sum(self.repositories.values())

    @property
    def finished_count(self) -> int:
        """How many of them need no more work."""
        return self.repositories["succeeded"] + self.repositories["failed"]

    @property
    def stopped_count(self) -> int:
        """How many were stopped before they were finished."""
        return self.repositories["stopped"]


def describe_executions(executions: Iterable[Execution], now: datetime) -> list[ExecutionRow]:
    """Return the executions as lines of a log; asks for nothing more."""
    return [
        ExecutionRow(execution, execution.duration(now), execution.success_ratio) for execution in executions
    ]


def list_executions(
    *,
    of: Rule | Replica,
    now: datetime,
    status: str = "",
    trigger: str = "",
    since: datetime | None = None,
    until: datetime | None = None,
) -> Rows[ExecutionRow]:
    """Return the log of a rule or a replica, the newest first, narrowed to those created in [since, until)."""
    narrowed = {"status": status, "trigger": trigger, "created_at__gte": since, "created_at__lt": until}
    found = of.executions.filter(**{name: value for name, value in narrowed.items() if value})
    return Rows(found.order_by("-id"), lambda executions: describe_executions(executions, now))


def summarize(execution: Execution, now: datetime) -> ExecutionSummary:
    """Return the summary as of now, with what the running attempts have done so far."""
    tallies = {"waiting": Count("id", filter=WAITING), "repeated": Count("id", filter=_REPEATED)}
    grouped = execution.jobs.values_list("kind", "status").annotate(Count("id"), **tallies).order_by()
    repositories = {status.value: 0 for status in Status}
    retryable_count = waiting_count = repeated_count = 0
    for kind, status, count, waiting, repeated in grouped:
        if kind == JobKind.COPY:
            repositories[status] = count
        waiting_count += waiting
        repeated_count += repeated
        if status in {Status.FAILED, Status.STOPPED}:
            retryable_count += count
    duration = execution.duration(now)
    running = _list_running(execution)
    counts = _sum(execution, *(job.progress for job in running))
    if repeated_count:
        counts = _count_repeated(execution, counts, running)
    waiting_for = execution.jobs.filter(WAITING).order_by("not_before").first() if waiting_count else None
    seconds = duration.total_seconds() if duration else 0
    summary = ExecutionSummary(
        execution=execution,
        duration=duration,
        success_ratio=execution.success_ratio,
        counts=counts,
        repositories=repositories,
        retryable_count=retryable_count,
        bytes_per_second=counts.bytes_copied / seconds if counts.bytes_copied and seconds else None,
        remaining=None,
        is_paused=bool(not execution.is_final and execution.paused_until and execution.paused_until > now),
        waiting_for=waiting_for,
        waiting_count=waiting_count,
        current=tuple(_describe_jobs(running[:_CURRENT_SHOWN])),
    )
    return replace(summary, remaining=_estimate(summary))


def list_jobs(execution: Execution, *, status: str = "") -> Rows[JobRow]:
    """
    Return the repositories of an execution, those with trouble first.

    The job that looks for repositories is one of them until it has succeeded: when it fails, nothing else is
    there to say why.
    """
    jobs = execution.jobs.exclude(kind=JobKind.DISCOVER, status=Status.SUCCEEDED)
    if status:
        jobs = jobs.filter(status=status)
    rank = Case(
        *(When(status=status.value, then=Value(place)) for place, status in enumerate(_WORST_FIRST)),
        output_field=IntegerField(),
    )
    return Rows(jobs.order_by(rank, "id"), _describe_jobs)


def list_outcomes(execution: Execution, *, status: str, job_id: int | None = None) -> Rows[Outcome]:
    """
    Return what became of single tags, the first ten thousand of them, with their jobs.

    `status` is an outcome, or "waiting" for tags that failed and will be tried again.
    """
    # A range of one and an order by the whole index: given an equality, PostgreSQL reads the table in the order of
    # its key and expects matches soon, though those of a late execution all lie at the end.
    stored = OutcomeStatus.FAILED if status == "waiting" else status
    found = Outcome.objects.filter(execution__id__range=(execution.pk, execution.pk), status=stored)
    if not execution.is_final and stored == OutcomeStatus.FAILED:
        is_active = Q(job__status__in=ACTIVE)
        found = found.filter(is_active if status == "waiting" else ~is_active)
    if job_id is not None:
        found = found.filter(job=job_id)
    # Keys first, which the index holds: with the rows wanted at once PostgreSQL sorts all of a large execution.
    keys = found.order_by("execution_id", "status", "id").values_list("pk", flat=True)
    return Rows(keys, _fetch_outcomes, limit=_MAXIMUM_SHOWN)


def _fetch_outcomes(keys: list[int]) -> list[Outcome]:
    found = Outcome.objects.select_related("job").in_bulk(keys)
    return [found[key] for key in keys if key in found]


def _describe_jobs(jobs: list[Job]) -> list[JobRow]:
    return [JobRow(job, _sum(job, job.progress), _state(job)) for job in jobs]


def _state(job: Job) -> str:
    is_waiting = job.status == Status.PENDING and job.attempt > 0 and job.reason != ""
    return "waiting" if is_waiting else job.status


def _list_running(execution: Execution) -> list[Job]:
    if execution.is_final:
        return []
    return list(execution.jobs.filter(status=Status.RUNNING).order_by("started_at", "id"))


def _sum(stored: Execution | Job, *progress: dict[str, int]) -> TagCounts:
    running: Counter[str] = Counter()
    for counts in progress:
        running.update(counts)
    tags = {name: getattr(stored, f"{name}_count") + running[name] for name in _COUNTED}
    return TagCounts(**tags, bytes_copied=stored.bytes_copied + running["bytes_copied"])


def _count_repeated(execution: Execution, counts: TagCounts, running: list[Job]) -> TagCounts:
    """
    Return the counts with what earlier attempts did, of repositories that are worked on once more.

    Their counters begin anew with the attempt, which finds again what the ones before have stored.
    """
    jobs = execution.jobs.filter(_REPEATED)
    shown = Counter(jobs.aggregate(**{name: Sum(f"{name}_count", default=0) for name in _COUNTED}))
    for job in running:
        if job.attempt > 1:
            shown.update({name: job.progress.get(name, 0) for name in _COUNTED})
    stored = dict(Outcome.objects.filter(job__in=jobs).values_list("status").annotate(Count("id")).order_by())
    found_before = {
        name: getattr(counts, name) + max(0, stored.get(name, 0) - shown[name])
        for name in ("copied", "skipped", "deleted")
    }
    return replace(counts, **found_before, waiting=stored.get(OutcomeStatus.FAILED, 0))


def _estimate(summary: ExecutionSummary) -> timedelta | None:
    done, total = summary.finished_count, summary.repository_count
    if summary.execution.is_final or summary.waiting_for or summary.duration is None:
        return None
    if summary.duration < _ESTIMATE_AFTER or not 0 < done < total:
        return None
    return summary.duration * ((total - done) / done)
