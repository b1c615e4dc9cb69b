"""What the figures must reach. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from bench.results import Result

Figures = Mapping[str, Result]
"""The results of one workload by tool."""


@dataclass(frozen=True, slots=True)
class Bar:
    """
    A promise about one workload, in words and as numbers.

    `figure` takes the results by tool; the bar is kept if the figure is at least (`is_floor`) or at most
    the limit.
    """

    workload: str
    promise: str
    figure: Callable[[Figures], float]
    limit: float
    is_floor: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """A bar and what came of it; `figure` None means that a tool it needs was not measured."""

    bar: Bar
    figure: float | None

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds."""
        if self.figure is None:
            return False
        return self.figure >= self.bar.limit if self.bar.is_floor else self.figure <= self.bar.limit


def faster_than(workload: str, peer: str, times: float, *, tool: str = "regatta") -> Bar:
    """Return the bar that the tool needs at most the peer's wall time divided by this."""
    return Bar(
        workload,
        f"{tool} is at least {times:g} times faster than {peer}",
        lambda figures: figures[peer].wall_seconds / figures[tool].wall_seconds,
        times,
    )


def at_most_times(workload: str, peer: str, times: float, *, tool: str = "regatta") -> Bar:
    """Return the bar that the tool needs at most so many times the peer's wall time."""
    return Bar(
        workload,
        f"{tool} takes at most {times:g} times as long as the {peer}",
        lambda figures: figures[tool].wall_seconds / figures[peer].wall_seconds,
        times,
        is_floor=False,
    )


def judge(bars: Iterable[Bar], results: Iterable[Result]) -> list[Verdict]:
    """Return what came of the bars of those workloads that have results."""
    by_workload: dict[str, dict[str, Result]] = {}
    for result in results:
        by_workload.setdefault(result.workload, {})[result.tool] = result
    return [
        Verdict(bar, _figure(bar, by_workload[bar.workload])) for bar in bars if bar.workload in by_workload
    ]


def _figure(bar: Bar, figures: Figures) -> float | None:
    try:
        return bar.figure(figures)
    except KeyError:
        return None
