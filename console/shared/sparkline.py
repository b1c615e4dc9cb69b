"""A small line of how a number went over time, as points of an SVG polyline. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

WIDTH, HEIGHT = 120.0, 24.0
_MARGIN = 2.0
BASE = HEIGHT - _MARGIN
"""Where zero is; the whole width is the span, so a line of few samples begins far from the left."""

_MOST_POINTS = 60


@dataclass(frozen=True, slots=True)
class Sparkline:
    """`points` is the attribute of the polyline, "" for less than two samples; `highest` is the largest value."""

    points: str
    highest: float
    last: float


def draw(
    samples: Sequence[tuple[datetime, float]],
    *,
    until: datetime,
    span: timedelta = timedelta(hours=24),
    scale: float = 0.0,
) -> Sparkline:
    """
    Return the line over the span that ends at `until`, sixty points at most.

    Of several samples in a sixtieth of the span the highest counts, so that no peak is lost. The vertical axis goes
    from zero to the highest value, or to `scale` if that is higher.
    """
    began = until - span
    peaks: dict[int, float] = {}
    for moment, value in samples:
        if began <= moment <= until:
            place = min(int((moment - began) / span * _MOST_POINTS), _MOST_POINTS - 1)
            peaks[place] = max(peaks.get(place, 0.0), value)
    if not peaks:
        return Sparkline("", 0.0, 0.0)
    highest = max(peaks.values())
    last = max(samples)[1]
    if len(peaks) < 2:
        return Sparkline("", highest, last)
    points = [
        f"{place * WIDTH / (_MOST_POINTS - 1):.1f},{_height(value, max(highest, scale)):.1f}"
        for place, value in sorted(peaks.items())
    ]
    return Sparkline(" ".join(points), highest, last)


def _height(value: float, highest: float) -> float:
    share = value / highest if highest > 0 else 0.0
    return BASE - share * (HEIGHT - 2 * _MARGIN)
