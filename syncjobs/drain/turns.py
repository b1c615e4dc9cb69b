"""
Whose turn it is: shares what a worker can take among tenants and executions, and keeps together what replicas
of one primary can share.

A slot goes to the account that has the fewest jobs in hand, then to its execution that has the fewest, so that
neither a tenant nor a rule with thousands of repositories holds up another. Caps hold back bulk work only, and
two workers that claim in the same moment may exceed one by a claim. Source: design/workers.md item 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from syncjobs.models import Execution, Job, Queue, Trigger, Worker
from syncjobs.models.job import JobQuerySet
from syncjobs.states import ACTIVE, Status

SUSPECT_AFTER = 2
REPLICA_JOBS = 24
"""What a replica may hold of either queue for each worker, so that one that hangs leaves room for the others."""
_LEFT_FOR = timedelta(seconds=3)

_SUSPECT = Q(lost_count__gte=SUSPECT_AFTER) | Q(lost_count=SUSPECT_AFTER - 1, status=Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Claimant:
    """
    An active execution: whose it is, the addresses of the registries it speaks to, and its replica.

    `primary_id` is the source of a replica's execution.
    """

    execution_id: int
    account_id: int
    registries: frozenset[str]
    replica_id: int | None = None
    primary_id: int | None = None


@dataclass(frozen=True, slots=True)
class Caps:
    """How many jobs may be in hand at a time, over all workers; 0: any number."""

    per_account: int = 0
    per_registry: int = 0
    per_replica: int = 0

    @property
    def are_set(self) -> bool:
        """Whether there is a cap of the operator's."""
        return bool(self.per_account or self.per_registry)


class Load:
    """How many jobs are in hand by execution, account and registry; grows as slots are given."""

    def __init__(self) -> None:
        self.executions: Counter[int] = Counter()
        self.accounts: Counter[int] = Counter()
        self.registries: Counter[str] = Counter()
        self.replicas: Counter[int] = Counter()

    def add(self, claimant: Claimant, count: int) -> None:
        """Count jobs that were taken, or with a negative count, those that were not there after all."""
        self.executions[claimant.execution_id] += count
        self.accounts[claimant.account_id] += count
        for registry in claimant.registries:
            self.registries[registry] += count
        if claimant.replica_id is not None:
            self.replicas[claimant.replica_id] += count

    def allows(self, claimant: Claimant, caps: Caps) -> bool:
        """Return whether one more job stays within the caps."""
        if caps.per_account and self.accounts[claimant.account_id] >= caps.per_account:
            return False
        replica = claimant.replica_id
        if caps.per_replica and replica is not None and self.replicas[replica] >= caps.per_replica:
            return False
        busiest = max((self.registries[registry] for registry in claimant.registries), default=0)
        return not caps.per_registry or busiest < caps.per_registry


def share_out(claimants: Sequence[Claimant], room: int, load: Load, caps: Caps) -> dict[Claimant, int]:
    """Return how many of the free slots each gets, and count them in the load; the oldest wins a tie."""
    shares: Counter[Claimant] = Counter()
    for _slot in range(room):
        open_ones = [claimant for claimant in claimants if load.allows(claimant, caps)]
        if not open_ones:
            break
        next_one = min(
            open_ones,
            key=lambda claimant: (
                load.accounts[claimant.account_id],
                load.executions[claimant.execution_id],
                claimant.execution_id,
            ),
        )
        shares[next_one] += 1
        load.add(next_one, 1)
    return dict(shares)


def has_due(now: datetime, token: str = "") -> bool:
    """Return whether the holder of the token could claim any job: it is due and no cap holds it back."""
    due = Job.objects.due(now)
    if not _caps(Queue.BULK).are_set and _with_due(due).filter(replica=None).exists():
        return True
    if not _with_due(due).exists():
        return False
    for queue in (Queue.INTERACTIVE, Queue.BULK):
        _due, waiting = _left_to(token, due.filter(queue=queue), now)
        caps = _caps(queue, waiting)
        load = _load(now, queue, caps)
        if any(load.allows(claimant, caps) for claimant in waiting):
            return True
    return False


def lock_suspect(now: datetime) -> list[int]:
    """
    Lock one due job, if there is one, with which workers died twice; `lock_due` leaves those out.

    A worker takes one of them at a time: the others are found innocent when they end, and one that really kills
    its worker does not take thirty with it each time. Call it in a transaction.
    """
    due = Job.objects.due(now).filter(_SUSPECT, execution__status__in=ACTIVE).order_by("lost_count", "id")
    return list(_locked(due).values_list("pk", flat=True)[:1])


def lock_due(queue: Queue, room: int, now: datetime, token: str = "") -> list[int]:
    """
    Lock due jobs of the queue, as many as there is room for, and return their ids in the order of turns.

    Jobs of several replicas for one repository of their primary are taken together, because they share what
    they read from it; for that, there may be a few more than there is room for. Call it in a transaction.
    """
    if room <= 0:
        return []
    due, waiting = _left_to(token, Job.objects.due(now).filter(~_SUSPECT, queue=queue), now)
    if not waiting:
        return []
    caps = _caps(queue, waiting)
    load = _load(now, queue, caps)
    taken: dict[Claimant, list[int]] = {}
    while waiting and room > 0:
        shares = share_out(waiting, room, load, caps)
        if not shares:
            break
        brought: Counter[Claimant] = Counter()
        for claimant, share in shares.items():
            known = taken.setdefault(claimant, [])
            gift = brought.pop(claimant, 0)
            wanted = max(0, share - gift)
            load.add(claimant, max(0, gift - share))
            its_due = due.filter(execution=claimant.execution_id).exclude(pk__in=known).order_by("id")
            found = list(_locked(its_due).values_list("pk", flat=True)[:wanted])
            known += found
            room -= len(found)
            if len(found) < wanted:
                load.add(claimant, len(found) - wanted)
                waiting.remove(claimant)
            for sibling, jobs in _siblings(claimant, found, due, waiting, taken).items():
                taken.setdefault(sibling, []).extend(jobs)
                brought[sibling] += len(jobs)
                room -= len(jobs)
        for claimant, count in brought.items():
            load.add(claimant, count)
    return _in_turns(taken.values())


def _left_to(token: str, due: JobQuerySet, now: datetime) -> tuple[JobQuerySet, list[Claimant]]:
    """
    Return the due jobs that the holder of the token may take, and whose they are.

    Scans of replicas are left for a moment to a drain that already works for another replica of the same
    primary. A push waits for nobody.
    """
    waiting = _claimants(_with_due(due))
    if all(claimant.replica_id is None for claimant in waiting):
        return due, waiting
    held = Job.objects.filter(
        status=Status.RUNNING, lease_until__gte=now, execution__replica__isnull=False
    ).order_by()
    holders: dict[int, set[str]] = {}
    for primary, holder in held.values_list("execution__source", "lease_token").distinct():
        holders.setdefault(primary, set()).add(holder)
    elsewhere = [primary for primary, tokens in holders.items() if token not in tokens]
    if not elsewhere:
        return due, waiting
    left = due.exclude(
        ~Q(execution__trigger=Trigger.PUSH),
        execution__replica__isnull=False,
        execution__source__in=elsewhere,
        not_before__gt=now - _LEFT_FOR,
    )
    return left, _claimants(_with_due(left))


def _siblings(
    claimant: Claimant,
    found: Collection[int],
    due: JobQuerySet,
    waiting: Iterable[Claimant],
    taken: Mapping[Claimant, list[int]],
) -> dict[Claimant, list[int]]:
    """Lock the due jobs of other replicas for the same repositories of the same primary."""
    others = {
        other.execution_id: other
        for other in waiting
        if other.primary_id == claimant.primary_id and other != claimant
    }
    if claimant.primary_id is None or not found or not others:
        return {}
    repositories = Job.objects.filter(pk__in=found).values_list("source_repository", flat=True)
    same = due.filter(execution__in=others, source_repository__in=list(repositories))
    known = [pk for other in others.values() for pk in taken.get(other, ())]
    siblings: dict[Claimant, list[int]] = {}
    for pk, execution in _locked(same.exclude(pk__in=known).order_by("id")).values_list("pk", "execution"):
        siblings.setdefault(others[execution], []).append(pk)
    return siblings


def _in_turns(groups: Iterable[Sequence[int]]) -> list[int]:
    """Return the first of each group, then the second of each, and so on."""
    queues = [list(group) for group in groups]
    longest = max((len(group) for group in queues), default=0)
    return [group[place] for place in range(longest) for group in queues if place < len(group)]


def _locked(due: QuerySet[Job]) -> QuerySet[Job]:
    if not connection.features.has_select_for_update_skip_locked:
        return due
    return due.select_for_update(of=("self",), skip_locked=True)


def _with_due(due: QuerySet[Job]) -> QuerySet[Execution]:
    return Execution.objects.active().filter(Exists(due.filter(execution=OuterRef("pk")).order_by()))


def _claimants(executions: QuerySet[Execution]) -> list[Claimant]:
    columns = ("pk", "source_id", "source__account_id", "replica_id", *_addresses(""))
    rows = executions.order_by("pk").values_list(*columns)
    return [
        Claimant(pk, account, _registries(addresses), replica, source if replica else None)
        for pk, source, account, replica, *addresses in rows
    ]


def _load(now: datetime, queue: Queue, caps: Caps) -> Load:
    """Return what living workers have in hand of the queue; an operator's cap counts both queues."""
    queues = [Queue.INTERACTIVE, Queue.BULK] if caps.are_set else [queue]
    held = Job.objects.filter(
        execution__status__in=ACTIVE, status=Status.RUNNING, lease_until__gte=now, queue__in=queues
    )
    columns = ("execution_id", "account_id", "execution__replica_id", *_addresses("execution__"))
    rows = held.order_by().values_list(*columns).annotate(jobs=Count("id"))
    load = Load()
    for pk, account, replica, *addresses, count in rows:
        load.add(Claimant(pk, account, _registries(addresses), replica), count)
    return load


def _addresses(prefix: str) -> list[str]:
    """Return the paths of the registries' addresses: of each side, first the backend's and then its own."""
    return [
        f"{prefix}{path}"
        for path in (
            "source__backend__endpoint_url",
            "source__endpoint_url",
            "rule__target__backend__endpoint_url",
            "rule__target__endpoint_url",
            "replica__backend__endpoint_url",
        )
    ]


def _registries(addresses: Sequence[str | None]) -> frozenset[str]:
    source_backend, source, target_backend, target, replica_backend = addresses
    found = (source_backend or source, target_backend or target, replica_backend)
    return frozenset(filter(None, found))


def _caps(queue: Queue, waiting: Iterable[Claimant] = ()) -> Caps:
    """Return the caps of a queue: the operator's hold back bulk work only, a replica's hold back either."""
    per_replica = 0
    if any(claimant.replica_id is not None for claimant in waiting):
        per_replica = REPLICA_JOBS * max(1, Worker.objects.filter(is_supervisor=False).count())
    if queue != Queue.BULK:
        return Caps(per_replica=per_replica)
    return Caps(settings.ACCOUNT_JOBS, settings.REGISTRY_JOBS, per_replica)
