"""The table of a primary's replicas, and the short answer to how each is."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from registries.models import Health, Instance, Replica, ReplicaStatus
from syncjobs.models import Execution, LagSample, Trigger
from syncjobs.queries import replicas as replica_queries
from syncjobs.queries.replica_failures import Failure, list_failures
from syncjobs.queries.replicas import ReplicaState
from syncjobs.states import Status

_FRESH = timedelta(minutes=3)
_LATE_SECONDS = 60
_REMEMBERED = timedelta(days=7)
_MOST_REMOVALS = 10


class Condition(StrEnum):
    """How a replica is, in one word: for its colour."""

    DEPLOYING = "deploying"
    DELETING = "deleting"
    FAILING = "failing"
    BEHIND = "behind"
    IN_STEP = "in_step"


@dataclass(frozen=True, slots=True)
class ReplicaRow:
    """A replica as its table shows it; `failure` is what is wrong with it, None if all is well."""

    replica: Replica
    condition: Condition
    state: ReplicaState
    failure: Failure | None


@dataclass(frozen=True, slots=True)
class Glance:
    """A replica as a drawing of many shows it; how far it is behind is as of the last minute."""

    replica: Replica
    condition: Condition
    artifacts_behind: int


def list_rows(replicas: Collection[Replica], now: datetime) -> list[ReplicaRow]:
    """Return the replicas with all that their table shows, in ten queries for any number of them."""
    if not replicas:
        return []
    states = replica_queries.list_states(replicas, now)
    failures = list_failures(replicas)
    return [
        ReplicaRow(
            replica,
            _condition(replica, failures.get(replica.pk), states[replica.pk].lag.seconds_behind),
            states[replica.pk],
            failures.get(replica.pk),
        )
        for replica in replicas
    ]


def list_removals(primary: Instance, now: datetime) -> list[Execution]:
    """Return the removals of replicas that are gone since a week or less, the newest first, ten at most."""
    of_last_week = Execution.objects.filter(source=primary, created_at__gte=now - _REMEMBERED)
    gone = of_last_week.filter(trigger=Trigger.REMOVAL, status=Status.SUCCEEDED, replica=None)
    return list(gone.order_by("-created_at")[:_MOST_REMOVALS])


def list_glances(replicas: Collection[Replica], now: datetime) -> list[Glance]:
    """Return how the replicas are, in four queries for any number of them; their backends must have been fetched."""
    if not replicas:
        return []
    failures = list_failures(replicas)
    samples = LagSample.objects.filter(replica__in=replicas, sampled_at__gte=now - _FRESH)
    latest = {sample.replica_id: sample for sample in samples.order_by("sampled_at")}
    glances = []
    for replica in replicas:
        sample = latest.get(replica.pk)
        seconds = sample.seconds_behind if sample else 0.0
        condition = _condition(replica, failures.get(replica.pk), seconds)
        glances.append(Glance(replica, condition, sample.artifacts_behind if sample else 0))
    return glances


def _condition(replica: Replica, failure: Failure | None, seconds_behind: float) -> Condition:
    if replica.status == ReplicaStatus.DELETING:
        return Condition.DELETING
    if failure is not None or replica.backend.health == Health.UNHEALTHY:
        return Condition.FAILING
    if replica.status == ReplicaStatus.DEPLOYING:
        return Condition.DEPLOYING
    return Condition.BEHIND if seconds_behind > _LATE_SECONDS else Condition.IN_STEP
