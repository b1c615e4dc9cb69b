"""Lets tools do the same work in turns and takes the median of what each one took."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from bench.tools.task import Run


def median(runs: Sequence[Run]) -> Run:
    """Return the run with the median wall time; of an even number, the slower one of the middle."""
    return sorted(runs, key=lambda run: run.sample.wall_seconds)[len(runs) // 2]


def in_turns(runs_of: dict[str, int], once: Callable[[str, int], Run]) -> dict[str, list[Run]]:
    """
    Call `once(tool, number)` so many times for each tool, and return the runs.

    The tools take turns, so that whatever else the machine does at a time meets all of them.
    """
    found: dict[str, list[Run]] = {tool: [] for tool in runs_of}
    for number in range(max(runs_of.values(), default=0)):
        for tool, count in runs_of.items():
            if number < count:
                run = once(tool, number)
                say(f"    {tool}: {_facts_of(run)}")
                found[tool].append(run)
    return found


def _facts_of(run: Run) -> str:
    facts = {"wall": run.sample.wall_seconds, "cpu": run.sample.cpu_seconds, **run.report}
    return ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}"
        for name, value in facts.items()
        if value != ""
    )


def say(line: str) -> None:
    """Tell somebody who waits how far it is."""
    print(line, file=sys.stderr, flush=True)
