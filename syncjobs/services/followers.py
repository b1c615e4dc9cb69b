"""Who follows the pushes of an instance: its rules, and its replicas, which follow everything."""

from __future__ import annotations

from dataclasses import dataclass

from registries.models import Instance, Replica, ReplicaStatus
from registries.policies import RULE_EDITIONS
from syncjobs.models import Execution, Rule
from syncjobs.models.execution import ExecutionQuerySet
from syncjobs.planner import EVERYTHING, Selection


@dataclass(frozen=True, slots=True)
class Follower:
    """A rule or a replica, as far as a push concerns it."""

    source: Instance
    selection: Selection
    rule: Rule | None = None
    replica: Replica | None = None
    target: Instance | None = None
    follows_deletions: bool = True
    overrides: bool = True
    with_referrers: bool = True

    def __str__(self) -> str:
        return f"Rule {self.rule.pk}" if self.rule else f"Replica {self.replica}"

    @property
    def executions(self) -> ExecutionQuerySet:
        """Its executions."""
        return Execution.objects.filter(**self.owning())

    def owning(self, path: str = "") -> dict[str, Rule | Replica]:
        """Return the filter for what belongs to it, at the end of a path like `execution__`."""
        if self.rule is not None:
            return {f"{path}rule": self.rule}
        if self.replica is not None:
            return {f"{path}replica": self.replica}
        raise ValueError("It is neither a rule nor a replica.")


def of_rule(rule: Rule) -> Follower:
    """Return the rule as a follower of its source."""
    return Follower(
        source=rule.source,
        selection=rule.selection,
        rule=rule,
        target=rule.target,
        follows_deletions=rule.sync_deletions,
        overrides=rule.override,
        with_referrers=rule.with_referrers,
    )


def of_replica(replica: Replica) -> Follower:
    """Return the replica as a follower of its primary."""
    return Follower(source=replica.primary, selection=EVERYTHING, replica=replica)


def list_followers(instance: Instance) -> list[Follower]:
    """Return who wants to hear of pushes to the instance: nobody if its account is switched off."""
    if not instance.account.is_active:
        return []
    rules = Rule.objects.filter(source=instance, is_enabled=True, is_push_triggered=True)
    listening = rules if instance.edition in RULE_EDITIONS else rules.none()
    replicas = Replica.objects.filter(
        primary=instance, status__in=[ReplicaStatus.DEPLOYING, ReplicaStatus.RUNNING]
    )
    return [
        *map(of_rule, listening.select_related("source", "target__backend").order_by("pk")),
        *map(of_replica, replicas.select_related("primary").order_by("pk")),
    ]
