"""
Whose turn it is: shares what a worker can take among tenants and executions.

A slot goes to the account that has the fewest jobs in hand, then to its execution that has the fewest, so that
neither a tenant nor a rule with thousands of repositories holds up another. Caps hold back bulk work only, and
two workers that claim in the same moment may exceed one by a claim. Source: design/workers.md item 6.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from syncjobs.models import Execution, Job, Queue
from syncjobs.states import ACTIVE, Status

SUSPECT_AFTER = 2
_SUSPECT = Q(lost_count__gte=SUSPECT_AFTER) | Q(lost_count=SUSPECT_AFTER - 1, status=Status.RUNNING)


@dataclass(frozen=True, slots=True)
class Claimant:
    """An active execution: whose it is, and the addresses of the registries it speaks to."""

    execution_id: int
    account_id: int
    registries: frozenset[str]


@dataclass(frozen=True, slots=True)
class Caps:
    """How many jobs may be in hand at a time, over all workers; 0: any number."""

    per_account: int = 0
    per_registry: int = 0

    @property
    def are_set(self) -> bool:
        """Whether there is any cap at all."""
        return bool(self.per_account or self.per_registry)


class Load:
    """How many jobs are in hand by execution, account and registry; grows as slots are given."""

    def __init__(self) -> None:
        self.executions: Counter[int] = Counter()
        self.accounts: Counter[int] = Counter()
        self.registries: Counter[str] = Counter()

    def add(self, claimant: Claimant, count: int) -> None:
        """Count jobs that were taken, or with a negative count, those that were not there after all."""
        self.executions[claimant.execution_id] += count
        self.accounts[claimant.account_id] += count
        for registry in claimant.registries:
            self.registries[registry] += count

    def allows(self, claimant: Claimant, caps: Caps) -> bool:
        """Return whether one more job stays within the caps."""
        if caps.per_account and self.accounts[claimant.account_id] >= caps.per_account:
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


def has_due(now: datetime) -> bool:
    """Return whether any job could be claimed: it is due and no cap holds it back."""
    caps = _caps()
    if not caps.are_set:
        return _with_due(Job.objects.due(now)).exists()
    if _with_due(Job.objects.due(now).filter(queue=Queue.INTERACTIVE)).exists():
        return True
    load = _load(now, [Queue.INTERACTIVE, Queue.BULK])
    waiting = _claimants(_with_due(Job.objects.due(now).filter(queue=Queue.BULK)))
    return any(load.allows(claimant, caps) for claimant in waiting)


def lock_suspect(now: datetime) -> list[int]:
    """
    Lock one due job, if there is one, with which workers died twice; `lock_due` leaves those out.

    A worker takes one of them at a time: the others are found innocent when they end, and one that really kills
    its worker does not take thirty with it each time. Call it in a transaction.
    """
    due = Job.objects.due(now).filter(_SUSPECT, execution__status__in=ACTIVE).order_by("lost_count", "id")
    return list(_locked(due).values_list("pk", flat=True)[:1])


def lock_due(queue: Queue, room: int, now: datetime) -> list[int]:
    """
    Lock due jobs of the queue, at most as many as there is room for, and return their ids in the order of turns.

    Call it in a transaction.
    """
    if room <= 0:
        return []
    due = Job.objects.due(now).filter(~_SUSPECT, queue=queue)
    waiting = _claimants(_with_due(due))
    if not waiting:
        return []
    is_bulk = queue == Queue.BULK
    caps = _caps() if is_bulk else Caps()
    load = _load(now, [Queue.INTERACTIVE, Queue.BULK] if caps.are_set else [queue])
    taken: dict[Claimant, list[int]] = {}
    while waiting and room > 0:
        shares = share_out(waiting, room, load, caps)
        if not shares:
            break
        for claimant, share in shares.items():
            known = taken.setdefault(claimant, [])
            its_due = due.filter(execution=claimant.execution_id).exclude(pk__in=known).order_by("id")
            found = list(_locked(its_due).values_list("pk", flat=True)[:share])
            known += found
            room -= len(found)
            if len(found) < share:
                load.add(claimant, len(found) - share)
                waiting.remove(claimant)
    return _in_turns(taken.values())


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
    rows = executions.order_by("pk").values_list("pk", "source__account_id", *_addresses(""))
    return [Claimant(pk, account, _registries(addresses)) for pk, account, *addresses in rows]


def _load(now: datetime, queues: Iterable[Queue]) -> Load:
    """Return what living workers have in hand."""
    held = Job.objects.filter(
        execution__status__in=ACTIVE, status=Status.RUNNING, lease_until__gte=now, queue__in=list(queues)
    )
    columns = ("execution_id", "account_id", *_addresses("execution__"))
    load = Load()
    for pk, account, *addresses, count in held.order_by().values_list(*columns).annotate(jobs=Count("id")):
        load.add(Claimant(pk, account, _registries(addresses)), count)
    return load


def _addresses(prefix: str) -> list[str]:
    """Return the paths of the registries' addresses: of each side, first the backend's and then its own."""
    return [
        f"{prefix}rule__{side}__{path}"
        for side in ("source", "target")
        for path in ("backend__endpoint_url", "endpoint_url")
    ]


def _registries(addresses: Sequence[str | None]) -> frozenset[str]:
    source_backend, source, target_backend, target = addresses
    return frozenset(filter(None, (source_backend or source, target_backend or target)))


def _caps() -> Caps:
    return Caps(per_account=settings.ACCOUNT_JOBS, per_registry=settings.REGISTRY_JOBS)
