"""Places the topology on a drawing: a column for each region, boxes in it, curves between boxes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count

from registries.models import Region
from syncjobs.queries.topology import Edge, Node, Topology

BOX_WIDTH, BOX_HEIGHT = 176, 46
_ROW = 62
_WIDE_GAP, _NARROW_GAP = 100, 48
_MOST_WIDE_COLUMNS = 4
_TOP, _MARGIN = 40, 14
_LANE = 15
_PORTS = 4
_PORT_STEP = 9


@dataclass(frozen=True, slots=True)
class Box:
    """A node with the place of its upper left corner."""

    node: Node
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Curve:
    """An edge with the `d` of its path, and where a word about it may stand; `lowest` is 0 among the boxes."""

    edge: Edge
    path: str
    middle_x: int
    middle_y: int
    lowest: int = 0


@dataclass(frozen=True, slots=True)
class Column:
    """The heading of a region; `region` None is for instances of other accounts."""

    region: Region | None
    x: int


@dataclass(frozen=True, slots=True)
class Drawing:
    """Everything in place, in a view of this width and height."""

    columns: tuple[Column, ...]
    boxes: tuple[Box, ...]
    curves: tuple[Curve, ...]
    width: int
    height: int


def draw(topology: Topology) -> Drawing:
    """Return the drawing; regions stand in the order of their numbers, other accounts at the right."""
    by_region: dict[int | None, list[Node]] = {}
    regions: dict[int | None, Region | None] = {}
    for node in topology.nodes:
        number = node.region.numeric_id if node.region else None
        regions[number] = node.region
        by_region.setdefault(number, []).append(node)
    order = sorted(by_region, key=lambda number: (number is None, number or 0))
    gap = _WIDE_GAP if len(order) <= _MOST_WIDE_COLUMNS else _NARROW_GAP
    pitch = BOX_WIDTH + gap
    boxes: dict[str, Box] = {}
    columns = []
    for place, number in enumerate(order):
        x = _MARGIN + place * pitch
        columns.append(Column(regions[number], x))
        for row, node in enumerate(by_region[number]):
            boxes[node.key] = Box(node, x, _TOP + row * _ROW)
    tallest = max((len(nodes) for nodes in by_region.values()), default=0)
    bottom = _TOP + tallest * _ROW
    curves = list(_curves(topology.edges, boxes, bottom, gap))
    lowest = max((curve.lowest for curve in curves), default=0)
    return Drawing(
        columns=tuple(columns),
        boxes=tuple(boxes.values()),
        curves=tuple(curves),
        width=max(len(order) * pitch - gap // 2 + 2 * _MARGIN, BOX_WIDTH),
        height=max(bottom, lowest) + _MARGIN,
    )


def _curves(edges: Sequence[Edge], boxes: dict[str, Box], bottom: int, gap: int) -> Iterator[Curve]:
    ports: dict[str, count[int]] = {key: count() for key in boxes}
    lanes = count()
    for edge in edges:
        source, target = boxes.get(edge.source), boxes.get(edge.target)
        if source is None or target is None:
            continue
        start_y = _port(source, next(ports[edge.source]))
        end_y = _port(target, next(ports[edge.target]))
        if abs(target.x - source.x) > BOX_WIDTH + gap:
            lane = bottom + _LANE * next(lanes)
            yield _detour(edge, source, target, (start_y, end_y), lane=lane, gap=gap)
        else:
            yield _curve(edge, source, target, (start_y, end_y), gap // 2)


def _port(box: Box, number: int) -> int:
    return box.y + _PORT_STEP * (1 + number % _PORTS)


def _curve(edge: Edge, source: Box, target: Box, ends_y: tuple[int, int], bend: int) -> Curve:
    """Leave to the side on which the target is; within a column both ends are at the right."""
    start_y, end_y = ends_y
    if target.x == source.x:
        x = source.x + BOX_WIDTH
        end_y += _PORT_STEP if source is target else 0
        path = f"M{x} {start_y} C{x + bend} {start_y} {x + bend} {end_y} {x} {end_y}"
        return Curve(edge, path, x + bend, (start_y + end_y) // 2)
    start_x, end_x, way = _ends(source, target)
    path = (
        f"M{start_x} {start_y} C{start_x + way * bend} {start_y} {end_x - way * bend} {end_y} {end_x} {end_y}"
    )
    return Curve(edge, path, (start_x + end_x) // 2, (start_y + end_y) // 2)


def _detour(edge: Edge, source: Box, target: Box, ends_y: tuple[int, int], *, lane: int, gap: int) -> Curve:
    """Go below the boxes of the columns between, in a lane of its own."""
    start_x, end_x, way = _ends(source, target)
    start_y, end_y = ends_y
    half, whole = way * gap // 2, way * gap
    path = (
        f"M{start_x} {start_y} C{start_x + half} {start_y} {start_x + half} {lane} {start_x + whole} {lane} "
        f"L{end_x - whole} {lane} C{end_x - half} {lane} {end_x - half} {end_y} {end_x} {end_y}"
    )
    return Curve(edge, path, (start_x + end_x) // 2, lane, lowest=lane)


def _ends(source: Box, target: Box) -> tuple[int, int, int]:
    """Return where a curve leaves and arrives, and 1 for to the right or -1 for to the left."""
    if target.x > source.x:
        return source.x + BOX_WIDTH, target.x, 1
    return source.x, target.x + BOX_WIDTH, -1
