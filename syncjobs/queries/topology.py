"""What flows where: instances and replicas by region, rules and replication as edges, for the overview's drawing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from registries.models import Health, Instance, Region, Replica, User
from registries.policies import is_cross_border
from syncjobs.models import Rule
from syncjobs.planner import RuleEdge, find_loops
from syncjobs.queries.replica_rows import Condition, Glance, list_glances
from syncjobs.queries.rules import RuleRow, describe_rules
from syncjobs.states import Status

MOST_INSTANCES = 40
MOST_RULES = 300


class Tone(StrEnum):
    """How something is, worst last."""

    IDLE = "idle"
    WELL = "well"
    LATE = "late"
    ILL = "ill"


_RULE_FIELDS = (
    "name",
    "source",
    "namespace",
    "target",
    "target_instance_id",
    "target_namespace",
    "target_token_id",
    "is_cross_tenant",
    "is_enabled",
)
_WORST_LAST = list(Tone)
_OF_HEALTH = {Health.UNKNOWN: Tone.IDLE, Health.HEALTHY: Tone.WELL, Health.UNHEALTHY: Tone.ILL}
_OF_REPLICA = {
    Condition.DEPLOYING: Tone.LATE,
    Condition.DELETING: Tone.IDLE,
    Condition.FAILING: Tone.ILL,
    Condition.BEHIND: Tone.LATE,
    Condition.IN_STEP: Tone.WELL,
}


@dataclass(frozen=True, slots=True)
class Node:
    """An instance, a replica, or the target of a cross-tenant rule, of which only the ID is known (`region` None)."""

    key: str
    region: Region | None
    tone: Tone
    instance: Instance | None = None
    replica: Glance | None = None


@dataclass(frozen=True, slots=True)
class Edge:
    """
    The rules from one instance to another, or the replication of one; `tone` is the worst of them.

    `is_loop` says that a rule is part of a circle, `is_cross_border` that the edge leads into another jurisdiction.
    """

    source: str
    target: str
    tone: Tone
    rules: tuple[Rule, ...] = ()
    replica: Glance | None = None
    is_loop: bool = False
    is_cross_border: bool = False


@dataclass(frozen=True, slots=True)
class Topology:
    """Nodes by region number and edges; the counts say how much there is besides that is not in them."""

    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    hidden_instance_count: int
    hidden_rule_count: int


def topology(user: User, now: datetime) -> Topology:
    """
    Return the drawing of what the user may see, forty instances and three hundred rules at most.

    Of another account's instance nothing is in it but the ID that the author of a rule entered.
    """
    visible = Instance.objects.visible_to(user)
    instances = list(visible.select_related("region").order_by("region__numeric_id", "name")[:MOST_INSTANCES])
    shown = {instance.pk: instance for instance in instances}
    rows = describe_rules(_list_rules(shown))
    drawn = [row for row in rows if row.rule.is_cross_tenant or row.rule.target_id in shown]
    replicas = Replica.objects.filter(primary__in=shown).select_related(
        "primary__region", "region", "backend"
    )
    glances = list_glances(list(replicas), now)
    is_cut = len(instances) == MOST_INSTANCES or len(rows) == MOST_RULES
    rule_count = Rule.objects.visible_to(user).count() if is_cut else len(rows)
    nodes = [
        *(Node(one.instance_id, one.region, _OF_HEALTH[Health(one.health)], one) for one in instances),
        *map(_replica_node, glances),
        *_foreign_nodes(drawn),
    ]
    return Topology(
        nodes=tuple(nodes),
        edges=(*_rule_edges(drawn), *map(_replica_edge, glances)),
        hidden_instance_count=visible.count() - len(instances) if len(instances) == MOST_INSTANCES else 0,
        hidden_rule_count=rule_count - len(drawn),
    )


def _list_rules(shown: dict[int, Instance]) -> list[Rule]:
    """Return the rules from these instances; a join would read the same few instances hundreds of times."""
    found = Rule.objects.filter(source__in=shown).only(*_RULE_FIELDS)
    rules = list(found.order_by("source", "id")[:MOST_RULES])
    for rule in rules:
        rule.source = shown[rule.source_id]
        if rule.target_id in shown:
            rule.target = shown[rule.target_id]
    return rules


def _replica_node(glance: Glance) -> Node:
    return Node(
        glance.replica.replica_id, glance.replica.region, _OF_REPLICA[glance.condition], replica=glance
    )


def _foreign_nodes(rows: Iterable[RuleRow]) -> list[Node]:
    ids = {row.rule.target_instance_id for row in rows if row.rule.is_cross_tenant}
    return [Node(instance_id, None, Tone.IDLE) for instance_id in sorted(ids)]


def _replica_edge(glance: Glance) -> Edge:
    primary = glance.replica.primary
    return Edge(
        source=primary.instance_id,
        target=glance.replica.replica_id,
        tone=_OF_REPLICA[glance.condition],
        replica=glance,
        is_cross_border=is_cross_border(primary.region, glance.replica.region),
    )


def _rule_edges(rows: list[RuleRow]) -> list[Edge]:
    """Return one edge for all the rules between two instances; a loop within one instance is drawn as well."""
    looped = {edge.rule for loop in find_loops(_arrows(rows)) for edge in loop}
    grouped: dict[tuple[str, str], list[RuleRow]] = {}
    for row in rows:
        grouped.setdefault((row.rule.source.instance_id, _target_key(row.rule)), []).append(row)
    return [
        Edge(
            source=source,
            target=target,
            tone=max(map(_tone, group), key=_WORST_LAST.index),
            rules=tuple(row.rule for row in group),
            is_loop=any(str(row.rule.pk) in looped for row in group),
            is_cross_border=_crosses(group[0].rule),
        )
        for (source, target), group in grouped.items()
    ]


def _arrows(rows: Iterable[RuleRow]) -> list[RuleEdge]:
    return [
        RuleEdge(
            source_instance=row.rule.source.instance_id,
            source_namespace=row.rule.namespace,
            target_instance=_target_key(row.rule),
            target_namespace=row.rule.target_namespace,
            rule=str(row.rule.pk),
        )
        for row in rows
        if row.rule.is_enabled
    ]


def _tone(row: RuleRow) -> Tone:
    if not row.rule.is_enabled:
        return Tone.IDLE
    if row.last_run is not None and row.last_run.next_attempt_at:
        return Tone.LATE
    if row.warning is not None and row.warning.reason:
        return Tone.ILL
    if row.last_run is None:
        return Tone.IDLE
    return Tone.ILL if row.last_run.status == Status.FAILED else Tone.WELL


def _target_key(rule: Rule) -> str:
    if rule.is_cross_tenant or rule.target is None:
        return rule.target_instance_id
    return rule.target.instance_id


def _crosses(rule: Rule) -> bool:
    """Of a foreign target the region is not told, and nothing follows from it."""
    if rule.is_cross_tenant or rule.target is None:
        return False
    return is_cross_border(rule.source.region, rule.target.region)
