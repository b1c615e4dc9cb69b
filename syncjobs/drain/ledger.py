"""
The SQL of a drain: claiming due jobs and keeping their leases.

Every function is synchronous and runs in the drain's database thread. A claim counts the attempt before the
work starts, so that a job that kills its worker is found out (reference/ecosystem.md 2.3, C3).
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Case, F, PositiveIntegerField, Value, When
from django.db.models.functions import Coalesce

from syncjobs.drain import assigning, turns
from syncjobs.drain.assignment import Assignment, Reason, Refusal
from syncjobs.models import Execution, Job, JobKind, Queue, Worker
from syncjobs.states import Status

LEASE = timedelta(seconds=30)
_FORGOTTEN_AFTER = timedelta(hours=1)


def has_due(now: datetime) -> bool:
    """Return whether any job could be claimed."""
    return turns.has_due(now)


def claim(
    *, token: str, bulk_room: int, interactive_room: int, now: datetime, takes_suspect: bool = True
) -> list[Assignment | Refusal]:
    """
    Take due jobs for the holder of the token, interactive ones first, at most as many as there is room for.

    Tenants take turns (`turns`), and the jobs come back in that order. What can't be worked on (credential
    rejected, stopped meanwhile, killed too many workers) comes back as a Refusal, under lease as well: the
    recorder ends it.
    """
    if not turns.has_due(now, token):
        return []  # without the lock that a transaction would take on SQLite
    with transaction.atomic():
        ids = turns.lock_due(Queue.INTERACTIVE, interactive_room, now, token)
        ids += turns.lock_due(Queue.BULK, bulk_room - len(ids), now, token)
        ids += turns.lock_suspect(now) if takes_suspect else []
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
        claimed = Job.objects.in_bulk(ids)
        jobs = [claimed[pk] for pk in ids]
        executions = Execution.objects.filter(pk__in={job.execution_id for job in jobs})
        executions.exclude(status=Status.RUNNING).move(
            Status.RUNNING, started_at=Coalesce("started_at", Value(now))
        )
        by_id = executions.select_related(
            "rule__source__backend__credential",
            "rule__source__credential",
            "source__account",
            "rule__target__backend__credential",
            "rule__target__credential",
            "replica__backend__credential",
            "replica__primary__backend__credential",
            "replica__primary__credential",
        ).in_bulk()
        for job in jobs:
            job.execution = by_id[job.execution_id]
    return assigning.assign(jobs, now)


def extend_leases(*, token: str, job_ids: Collection[int], now: datetime) -> set[int]:
    """
    Heartbeat: keep those of the jobs that the token holds, and return their ids.

    A job that the token holds without being named runs out: its holder does not know of it, because the
    answer to a claim was lost with a connection.
    """
    held = Job.objects.leased(token).filter(pk__in=job_ids)
    held.update(lease_until=now + LEASE)
    return set(held.values_list("pk", flat=True))


def find_stopped(execution_ids: Iterable[int]) -> set[int]:
    """Return those of the executions that somebody asked to stop, or that are gone."""
    wanted = set(execution_ids)
    going_on = Execution.objects.filter(pk__in=wanted, stop_requested_at=None).values_list("pk", flat=True)
    return wanted - set(going_on)


def drain_name(group: int, pid: int) -> str:
    """Return the name of a worker process, which tells the supervisors of its machine where to find it."""
    return f"{socket.gethostname()}:{group}:{pid}"


def list_drains() -> list[tuple[int, int, datetime]]:
    """Return process group, pid and last heartbeat of the drains of this machine."""
    host = f"{socket.gethostname()}:"
    drains = Worker.objects.filter(is_supervisor=False, name__startswith=host, name__regex=r":\d+:\d+$")
    return [
        (int(name.split(":")[-2]), int(name.split(":")[-1]), beat_at)
        for name, beat_at in drains.values_list("name", "heartbeat_at")
    ]


def bury(group: int, pid: int, *, now: datetime, is_innocent: bool) -> int:
    """
    Take a drain off the list whose process is dead, and leave its jobs to others now; return how many they were.

    None of them can have killed a process that died with the rest of its cluster: `is_innocent` counts no lost
    worker. Only its machine can know that a process is dead; whoever else waits for the end of its leases is as
    right, but later.
    """
    drain = Worker.objects.filter(name=drain_name(group, pid)).first()
    if drain is None:
        return 0
    drain.delete()
    held = Job.objects.leased(drain.token)
    if is_innocent:
        return held.move(Status.PENDING, lease_token="", lease_until=None, not_before=now, progress={})
    return held.update(lease_until=now)


def forget_old(now: datetime) -> None:
    """Take off the list who has shown no heartbeat for an hour."""
    Worker.objects.filter(heartbeat_at__lt=now - _FORGOTTEN_AFTER).delete()


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


def open_copies(
    assignment: Assignment,
    edges: Iterable[tuple[str, str]],
    now: datetime,
    deletions: Mapping[str, Sequence[str]] | None = None,
) -> int:
    """
    Create a job for each repository that discovery found; safe to repeat. Returns how many it was given.

    `deletions` are the tags that a mirror deletes, by source repository.
    """
    jobs = [
        Job(
            execution_id=assignment.execution_id,
            account_id=assignment.account_id,
            kind=JobKind.COPY,
            queue=Queue.BULK,
            source_repository=source,
            target_repository=target,
            deleted_tags=list((deletions or {}).get(source, ())),
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
