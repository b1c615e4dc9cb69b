"""What the first page tells: what there is, and how the last day went."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Case, Count, Q, QuerySet, Sum, Value, When

from registries.models import Account, Backend, Health, Instance, Region, User
from syncjobs.models import Execution, Rule
from syncjobs.queries.executions import ExecutionRow, describe_executions
from syncjobs.states import Status

_DAY = timedelta(hours=24)
_LOOKED_AT = 100
_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """Counts of what the user may see; those of executions and bytes are of the last 24 hours."""

    instance_count: int
    unhealthy_count: int
    rule_count: int
    enabled_rule_count: int
    active_count: int
    succeeded_count: int
    failed_count: int
    stopped_count: int
    bytes_copied: int
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
    counts |= executions.filter(created_at__gte=now - _DAY).aggregate(
        active_count=Count("id", filter=Q(status__in=[Status.PENDING, Status.RUNNING])),
        **{
            f"{status.value}_count": Count("id", filter=Q(status=status.value))
            for status in (Status.SUCCEEDED, Status.FAILED, Status.STOPPED)
        },
        bytes_copied=Sum("bytes_copied", default=0),
    )
    return Overview(**counts, recent=tuple(describe_executions(_failures_first(executions, now), now)))


def _failures_first(executions: QuerySet[Execution], now: datetime) -> list[Execution]:
    # In two steps: the first reads nothing but the index on source and id, however many executions there are.
    newest = list(executions.order_by("-id").values_list("pk", flat=True)[:_LOOKED_AT])
    is_news = When(status=Status.FAILED, created_at__gte=now - _DAY, then=Value(0))
    latest = Execution.objects.filter(pk__in=newest).order_by(Case(is_news, default=Value(1)), "-id")
    return list(latest.select_related("rule", "source", "replica__region")[:_SHOWN])
