"""
Turns what the engine tells into rows: at most one batch a second, every write fenced by the lease.

Unchanged tags are counted, not stored. The counts of a job are those of its finished attempts; the running
attempt shows as `progress`. Nothing here speaks to a registry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from django.db import transaction
from django.db.models import F, QuerySet

from registries.transfer.events import BytesCopied, Event, TagFinished
from syncjobs.drain.assignment import Assignment, Reason, Refusal
from syncjobs.models import Job, Outcome, OutcomeStatus
from syncjobs.services import executions
from syncjobs.states import Status

_STORED_FIELDS = (
    "status",
    "artifact_type",
    "digest",
    "bytes_copied",
    "reason",
    "reason_side",
    "reason_detail",
    "is_retryable",
    "happened_at",
)
_COUNTED = ("copied", "up_to_date", "skipped", "failed", "deleted")


@dataclass(frozen=True, slots=True)
class Ending:
    """
    How an attempt ended.

    `again` puts the job back until `not_before`. `retry_tags` are what is left to do, now or when a user
    retries, and what the attempt did for the others is kept; None means that everything has to be done again.
    `findings` are what a job found out beside tags.
    """

    how: Literal["done", "again", "failed", "stopped"]
    reason: Reason = field(default_factory=Reason)
    not_before: datetime | None = None
    retry_tags: tuple[str, ...] | None = None
    findings: Mapping[str, int] | None = None


_DONE = Ending("done")


@dataclass(frozen=True, slots=True)
class News:
    """What one attempt has to write; `progress` is None where the counts are as they were."""

    events: Mapping[str, TagFinished]
    rows: list[Outcome]
    healed: set[str]
    progress: dict[str, int] | None

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to write."""
        return not (self.rows or self.healed or self.progress)


class JobRecord:
    """What is known of one running attempt; the engine's events come in through `emit`."""

    def __init__(self, assignment: Assignment) -> None:
        self.assignment = assignment
        self.counts: Counter[str] = Counter()
        self.bytes_copied = 0
        self.failures: dict[str, TagFinished] = {}
        self.settled_tags: set[str] = set()
        self.ending: Ending | None = None
        self._unwritten: dict[str, TagFinished] = {}
        self._healed: set[str] = set()
        self._shown: tuple[int, ...] = ()

    def emit(self, event: Event) -> None:
        """Take one event of the engine; cheap, never waits."""
        if isinstance(event, BytesCopied):
            self.bytes_copied += event.count
            return
        status = event.status
        if status == "up_to_date":
            before = self.assignment.previous.get(event.tag)
            if before and before == (OutcomeStatus.COPIED, event.digest or ""):
                status = "copied"
            elif before:
                self._healed.add(event.tag)
        else:
            self._unwritten[event.tag] = event
        if status == "failed":
            self.failures[event.tag] = event
        elif self.assignment.tags is not None:
            self.settled_tags.add(event.tag)
        self.counts[status] += 1

    def retract(self, status: str) -> None:
        """An outcome of this status that was told will be told again, as what became of it."""
        self.counts[status] -= 1

    def take_news(self, now: datetime) -> News:
        """Return what is not in the database yet, and forget it."""
        events, self._unwritten = self._unwritten, {}
        healed, self._healed = self._healed, set()
        rows = [self._row(event, now) for event in events.values()]
        return News(events, rows, healed, self.progress() if self.ending is None else None)

    def progress(self) -> dict[str, int] | None:
        """Return the attempt's counts if they changed since they were last asked for."""
        now_shown = (*(self.counts[name] for name in _COUNTED), self.bytes_copied)
        if now_shown == self._shown:
            return None
        self._shown = now_shown
        return dict(zip((*_COUNTED, "bytes_copied"), now_shown, strict=True))

    def give_back(self, news: News) -> None:
        """Take back what could not be written; what came in meanwhile is newer."""
        for tag, event in news.events.items():
            self._unwritten.setdefault(tag, event)
        self._healed.update(news.healed)
        self._shown = ()

    def _row(self, event: TagFinished, now: datetime) -> Outcome:
        return Outcome(
            execution_id=self.assignment.execution_id,
            job_id=self.assignment.job_id,
            tag=event.tag,
            status=event.status,
            artifact_type=event.kind or "",
            digest=event.digest or "",
            bytes_copied=event.bytes_copied,
            reason=event.reason or "",
            reason_side=event.side or "",
            reason_detail=event.detail[:500],
            is_retryable=event.is_retryable,
            happened_at=now,
        )


class Recorder:
    """Collects the records of one drain and writes them; `flush` is synchronous, for the database thread."""

    def __init__(self, token: str) -> None:
        self._token = token
        self._open: dict[int, JobRecord] = {}
        self._closed: list[JobRecord] = []
        self._refused: list[Refusal] = []

    def open(self, assignment: Assignment) -> JobRecord:
        """Begin to record an attempt."""
        record = self._open[assignment.job_id] = JobRecord(assignment)
        return record

    def close(self, record: JobRecord, ending: Ending) -> None:
        """The attempt has ended; the next flush writes how."""
        record.ending = ending
        self._open.pop(record.assignment.job_id, None)
        self._closed.append(record)

    def drop(self, record: JobRecord) -> None:
        """Forget an attempt whose lease was lost: another worker has the job."""
        self._open.pop(record.assignment.job_id, None)

    def refuse(self, refusal: Refusal) -> None:
        """A claimed job can't be worked on; the next flush ends it."""
        self._refused.append(refusal)

    @property
    def job_ids(self) -> set[int]:
        """The jobs of which something is still to be written."""
        records = [*self._open.values(), *self._closed]
        return {record.assignment.job_id for record in records} | {item.job_id for item in self._refused}

    def flush(self, now: datetime) -> None:
        """
        Write everything that is new, in one transaction.

        What cannot be written, because the database is away, is kept for the next flush. So is the ending of an
        attempt that ends meanwhile, in another thread: its last outcomes are not among those that were taken.
        """
        closed, self._closed = self._closed, []
        refused, self._refused = self._refused, []
        news = [(record, record.take_news(now)) for record in [*self._open.values(), *closed]]
        if not (closed or refused or any(not item.is_empty for _record, item in news)):
            return
        try:
            with transaction.atomic():
                self._write(news, closed, refused, now)
        except BaseException:
            for record, item in news:
                record.give_back(item)
            self._closed[:0] = closed
            self._refused[:0] = refused
            raise

    def _write(
        self,
        news: list[tuple[JobRecord, News]],
        closed: list[JobRecord],
        refused: list[Refusal],
        now: datetime,
    ) -> None:
        wanted = [record.assignment.job_id for record, _item in news]
        held = self._hold(wanted + [item.job_id for item in refused])
        mine = [(record, item) for record, item in news if record.assignment.job_id in held]
        self._store_outcomes([row for _record, item in mine for row in item.rows])
        touched: set[int] = set()
        for record, item in mine:
            if item.healed:
                Outcome.objects.filter(job=record.assignment.job_id, tag__in=item.healed).delete()
            if item.progress:
                self._leased(record.assignment.job_id).update(progress=item.progress)
        ended = [record for record in closed if record.assignment.job_id in held]
        self._end(ended, now)
        touched |= {record.assignment.execution_id for record in ended}
        touched |= {item.execution_id for item in refused if self._end_refused(item, now)}
        for execution_id in sorted(touched):
            executions.settle(execution_id, now=now)

    def _hold(self, job_ids: list[int]) -> set[int]:
        held = Job.objects.leased(self._token).filter(pk__in=job_ids)
        return set(held.order_by("pk").select_for_update().values_list("pk", flat=True))

    def _leased(self, job_id: int) -> QuerySet[Job]:
        return Job.objects.leased(self._token).filter(pk=job_id)

    def _store_outcomes(self, rows: list[Outcome]) -> None:
        Outcome.objects.bulk_create(
            rows,
            batch_size=500,
            update_conflicts=True,
            unique_fields=["job", "tag"],
            update_fields=list(_STORED_FIELDS),
        )

    def _end(self, records: Iterable[JobRecord], now: datetime) -> None:
        """Write how attempts ended: those that ended alike in one statement, which a run without news is full of."""
        alike: dict[Hashable, list[JobRecord]] = {}
        for record in records:
            is_plain = record.ending == _DONE
            key = (record.bytes_copied, frozenset(record.counts.items())) if is_plain else id(record)
            alike.setdefault(key, []).append(record)
        for group in alike.values():
            ids = [record.assignment.job_id for record in group]
            ended = Job.objects.leased(self._token).filter(pk__in=ids)
            ended.update(**self._changes_of(group[0], group[0].ending or _DONE, now))

    def _changes_of(self, record: JobRecord, ending: Ending, now: datetime) -> dict[str, object]:
        changes: dict[str, object] = {
            "lease_token": "",
            "lease_until": None,
            "progress": {},
            "reason": ending.reason.code,
            "reason_side": ending.reason.side,
            "reason_detail": ending.reason.detail[:500],
            "bytes_copied": F("bytes_copied") + record.bytes_copied,
        }
        if ending.findings:
            changes["findings"] = dict(ending.findings)
        keeps_counts = ending.how != "again" or ending.retry_tags is not None
        if keeps_counts:
            counts = Counter(record.counts)
            if ending.how == "again":
                counts["failed"] -= len(ending.retry_tags or ())
            changes |= {f"{name}_count": F(f"{name}_count") + counts[name] for name in _COUNTED}
        if ending.retry_tags is not None:
            changes["retry_tags"] = list(ending.retry_tags)
        if ending.how == "again":
            changes |= {"status": Status.PENDING.value, "not_before": ending.not_before or now}
            if not record.assignment.has_failed_before and ending.reason.code:
                changes["first_failed_at"] = now
            return changes
        final = {"done": Status.SUCCEEDED, "failed": Status.FAILED, "stopped": Status.STOPPED}[ending.how]
        return changes | {"status": final.value, "finished_at": now}

    def _end_refused(self, refusal: Refusal, now: datetime) -> bool:
        return bool(
            self._leased(refusal.job_id).update(
                status=(Status.STOPPED if refusal.is_stop else Status.FAILED).value,
                lease_token="",
                lease_until=None,
                progress={},
                finished_at=now,
                reason=refusal.reason.code,
                reason_side=refusal.reason.side,
                reason_detail=refusal.reason.detail[:500],
            )
        )


def backoff(attempt: int, *, spread: float, longest_seconds: float = 600.0) -> timedelta:
    """Return how long a job waits after its n-th attempt: 5 s doubling to 10 min; `spread` is 0 to 1."""
    seconds = min(5.0 * 2 ** min(attempt - 1, 20), longest_seconds)
    return timedelta(seconds=seconds * (0.75 + 0.5 * spread))
