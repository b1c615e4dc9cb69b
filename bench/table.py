"""Shows figures and bars as plain text. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bench.bars import Verdict
from bench.results import Result

HEAD = (
    "workload",
    "tool",
    "wall s",
    "CPU s",
    "peak MB",
    "source req",
    "target req",
    "moved MB",
    "vs skopeo",
    "vs floor",
    "runs",
)


def render_results(results: Sequence[Result]) -> str:
    """Return the table; "vs skopeo" says how many times faster, "vs floor" how many times longer."""
    wall = {(result.workload, result.tool): result.wall_seconds for result in results}
    rows = [HEAD]
    for result in results:
        skopeo = wall.get((result.workload, "skopeo"))
        floor = wall.get((result.workload, "floor"))
        rows.append(
            (
                result.workload,
                result.tool,
                f"{result.wall_seconds:.2f}",
                _number(result.cpu_seconds, 1, 2),
                _number(result.peak_memory_bytes, 1e6, 0),
                _number(result.source_requests, 1, 0),
                _number(result.target_requests, 1, 0),
                _number(result.bytes_moved, 1e6, 1),
                "" if skopeo is None else f"{skopeo / result.wall_seconds:.1f}x",
                "" if floor is None else f"{result.wall_seconds / floor:.2f}x",
                str(result.runs),
            )
        )
    return _aligned(rows)


def render_verdicts(verdicts: Iterable[Verdict]) -> str:
    """Return one line for each bar, with `ok` or `MISSED`."""
    return "\n".join(
        f"{'ok    ' if verdict.is_kept else 'MISSED'} {verdict.bar.workload}: {verdict.bar.promise}"
        f" ({'not measured' if verdict.figure is None else format(verdict.figure, ',.2f')})"
        for verdict in verdicts
    )


def _number(value: float | None, unit: float, decimals: int) -> str:
    return "" if value is None else f"{value / unit:.{decimals}f}"


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = []
    previous = ""
    for row in rows:
        if previous and row[0] != previous:
            lines.append("")
        previous = row[0]
        cells = [
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
