"""What the first page tells: what there is, and how the last day went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Case, CharField, Count, Q, QuerySet, Sum, Value, When
from django.db.models.functions import Cast, Substr

from registries.models import Account, Backend, Health, Instance, Region, User
from syncjobs.models import Execution, Rule
from syncjobs.queries.executions import ExecutionRow, describe_executions
from syncjobs.states import Status

_DAY = timedelta(hours=24)
_LOOKED_AT = 100
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Hour:
    """How many executions were opened in an hour of the clock (UTC), and how many of them have failed."""

    began_at: datetime
    execution_count: int
    failed_count: int


@dataclass(frozen=True, slots=True)
class Overview:
    """
    Counts of what the user may see; those of executions and bytes are of the last 24 hours.

    `hours` are those of that time, oldest first; the first and the last are no whole ones.
    """

    instance_count: int
    unhealthy_count: int
    rule_count: int
    enabled_rule_count: int
    active_count: int
    succeeded_count: int
    failed_count: int
    stopped_count: int
    bytes_copied: int
    hours: tuple[Hour, ...]
    recent: tuple[ExecutionRow, ...]

    @property
    def execution_count(self) -> int:
        """How many executions were opened."""
        return self.active_count + self.succeeded_count + self.failed_count + self.stopped_count

    @property
    def success_ratio(self) -> float | None:
        """The share of finished executions that succeeded, stopped ones aside; None if none finished."""
        decided = self.succeeded_count + self.failed_count
        return self.succeeded_count / decided if decided else None


@dataclass(frozen=True, slots=True)
class Platform:
    """What the platform's staff sets up before tenants can begin."""

    region_count: int
    backend_count: int
    account_count: int


def platform() -> Platform:
    """Return how much of it is there; for staff only."""
    return Platform(Region.objects.count(), Backend.objects.count(), Account.objects.count())


def overview(user: User, now: datetime) -> Overview:
    """Return the overview, with ten of the latest executions: the last day's failures first."""
    instances = Instance.objects.visible_to(user)
    executions = Execution.objects.visible_to(user)
    counts = instances.aggregate(
        instance_count=Count("id"), unhealthy_count=Count("id", filter=Q(health=Health.UNHEALTHY))
    )
    counts |= Rule.objects.visible_to(user).aggregate(
        rule_count=Count("id"), enabled_rule_count=Count("id", filter=Q(is_enabled=True))
    )
    counts |= _last_day(executions, now)
    return Overview(**counts, recent=tuple(describe_executions(_failures_first(executions, now), now)))


def _last_day(executions: QuerySet[Execution], now: datetime) -> dict[str, Any]:
    """Return the fields of Overview that are about the last 24 hours, in one query for counts and hours alike."""
    # As text a time begins with its hour, in UTC, on each database; SQLite would cut it in Python, row by row.
    hour_text = Substr(Cast("created_at", CharField()), 1, 13)
    opened = executions.filter(created_at__gte=now - _DAY).annotate(hour_text=hour_text).order_by()
    groups = opened.values_list("hour_text", "status").annotate(Count("id"), Sum("bytes_copied", default=0))
    by_status: Counter[str] = Counter()
    by_hour: Counter[str] = Counter()
    failed_by_hour: Counter[str] = Counter()
    bytes_copied = 0
    for text, status, count, size in groups:
        by_status[status] += count
        by_hour[text] += count
        failed_by_hour[text] += count if status == Status.FAILED else 0
        bytes_copied += size
    first = (now - _DAY).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [(moment, f"{moment:%Y-%m-%d %H}") for moment in (first + timedelta(hours=n) for n in range(25))]
    return {
        "active_count": by_status[Status.PENDING.value] + by_status[Status.RUNNING.value],
        "succeeded_count": by_status[Status.SUCCEEDED.value],
        "failed_count": by_status[Status.FAILED.value],
        "stopped_count": by_status[Status.STOPPED.value],
        "bytes_copied": bytes_copied,
        "hours": tuple(Hour(moment, by_hour[text], failed_by_hour[text]) for moment, text in hours),
    }


def _failures_first(executions: QuerySet[Execution], now: datetime) -> list[Execution]:
    # In two steps: the first reads nothing but the index on source and id, however many executions there are.
    newest = list(executions.order_by("-id").values_list("pk", flat=True)[:_LOOKED_AT])
    is_news = When(status=Status.FAILED, created_at__gte=now - _DAY, then=Value(0))
    latest = Execution.objects.filter(pk__in=newest).order_by(Case(is_news, default=Value(1)), "-id")
    return list(latest.select_related("rule", "source", "replica__region")[:_SHOWN])
