"""Finds rules that feed each other in circles: worth a warning, as equal digests end such circles."""

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

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
    arrows = sorted(set(edges))
    leaving: dict[Node, list[RuleEdge]] = {}
    for edge in arrows:
        leaving.setdefault(edge.source, []).append(edge)
    loops = set()
    for edge in arrows:
        way_back = _find_shortest_path(leaving, edge.target, edge.source)
        if way_back is not None:
            loops.add(_rotate([edge, *way_back]))
    return sorted(loops, key=lambda loop: (len(loop), loop))


def _find_shortest_path(
    leaving: Mapping[Node, list[RuleEdge]], start: Node, goal: Node
) -> list[RuleEdge] | None:
    arrived_by: dict[Node, RuleEdge | None] = {start: None}
    waiting = deque([start])
    while waiting and goal not in arrived_by:
        node = waiting.popleft()
        for edge in leaving.get(node, ()):
            if edge.target not in arrived_by:
                arrived_by[edge.target] = edge
                waiting.append(edge.target)
    if goal not in arrived_by:
        return None
    path: list[RuleEdge] = []
    while (last := arrived_by[goal]) is not None:
        path.append(last)
        goal = last.source
    return path[::-1]


def _rotate(loop: list[RuleEdge]) -> tuple[RuleEdge, ...]:
    first = loop.index(min(loop))
    return (*loop[first:], *loop[:first])
