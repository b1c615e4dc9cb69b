"""Finds rules that feed each other in circles: worth a warning, as equal digests end such circles."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from registries.naming import ALL_NAMESPACES

Node: TypeAlias = tuple[str, str]


@dataclass(frozen=True, slots=True, order=True)
class RuleEdge:
    """One rule as an arrow between namespaces; an empty target namespace is that of the source."""

    source_instance: str
    source_namespace: str
    target_instance: str
    target_namespace: str
    rule: str

    @property
    def source(self) -> Node:
        """Where the arrow begins."""
        return self.source_instance, self.source_namespace

    @property
    def target(self) -> Node:
        """Where the arrow ends."""
        return self.target_instance, self.target_namespace or self.source_namespace


def find_loops(edges: Iterable[RuleEdge]) -> list[tuple[RuleEdge, ...]]:
    """
    Return, for each rule that is part of any loop, a shortest one through it; each once, short ones first.

    A loop begins with its smallest edge and goes on in the order in which artifacts would travel. Filters are
    not looked at, so rules may be reported that select nothing in common. Not every loop of a dense graph is
    returned: there can be exponentially many.
    """
    arrows = _Arrows(sorted(set(edges)))
    loops = set()
    for edge in arrows.edges:
        way_back = arrows.find_shortest_path(edge.target, edge.source)
        if way_back is not None:
            loops.add(_rotate([edge, *way_back]))
    return sorted(loops, key=lambda loop: (len(loop), loop))


class _Arrows:
    """All edges, by where they begin; what begins in all namespaces begins in each."""

    def __init__(self, edges: list[RuleEdge]) -> None:
        self.edges = edges
        self._by_node: dict[Node, list[RuleEdge]] = {}
        self._by_instance: dict[str, list[RuleEdge]] = {}
        for edge in edges:
            self._by_node.setdefault(edge.source, []).append(edge)
            self._by_instance.setdefault(edge.source_instance, []).append(edge)

    def find_shortest_path(self, start: Node, goal: Node) -> list[RuleEdge] | None:
        """Return the edges from one place to another, None if there is no way."""
        arrived_by: dict[Node, tuple[RuleEdge, Node] | None] = {start: None}
        waiting = deque([start])
        while waiting:
            node = waiting.popleft()
            if _meet(node, goal):
                return _walk_back(arrived_by, node)
            for edge in self._leaving(node):
                end = _end_of(edge, node)
                if end not in arrived_by:
                    arrived_by[end] = edge, node
                    waiting.append(end)
        return None

    def _leaving(self, node: Node) -> list[RuleEdge]:
        instance, namespace = node
        if namespace == ALL_NAMESPACES:
            return self._by_instance.get(instance, [])
        return [*self._by_node.get(node, ()), *self._by_node.get((instance, ALL_NAMESPACES), ())]


def _meet(one: Node, other: Node) -> bool:
    return one[0] == other[0] and (one[1] == other[1] or ALL_NAMESPACES in {one[1], other[1]})


def _end_of(edge: RuleEdge, node: Node) -> Node:
    """Return where artifacts from the node arrive: a rule of all namespaces keeps the one they have."""
    kept = node[1] if edge.source_namespace == ALL_NAMESPACES else edge.source_namespace
    return edge.target_instance, edge.target_namespace or kept


def _walk_back(arrived_by: Mapping[Node, tuple[RuleEdge, Node] | None], node: Node) -> list[RuleEdge]:
    path: list[RuleEdge] = []
    while (last := arrived_by[node]) is not None:
        edge, node = last
        path.append(edge)
    return path[::-1]


def _rotate(loop: list[RuleEdge]) -> tuple[RuleEdge, ...]:
    first = loop.index(min(loop))
    return (*loop[first:], *loop[:first])
