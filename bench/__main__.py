"""`python -m bench [--only small,wan] [--runs 3]`: measures, prints the table, stores it, judges the bars."""

from __future__ import annotations

import argparse
import sys

from bench import bars, results, table
from bench.measuring import say
from bench.processes import Neighbours
from bench.workloads import WORKLOADS
from bench.workloads.workload import Workshop


def main() -> int:
    """Return 0 if every bar of the workloads that were measured is kept, else 1."""
    arguments = parser().parse_args()
    chosen = [WORKLOADS[name] for name in arguments.only or WORKLOADS]
    found: list[results.Result] = []
    neighbours = Neighbours()
    with Workshop(runs=arguments.runs, only=arguments.tools) as workshop:
        for workload in chosen:
            say(f"{workload.name}:")
            measured = workload.measure(workshop)
            if not arguments.tools:
                results.save(measured)
            found += measured
    print(table.render_results(found))
    print(f"\nOther programs had {neighbours.share():.0%} of the machine's CPU meanwhile.")
    if arguments.tools:
        return 0
    verdicts = bars.judge([bar for workload in chosen for bar in workload.bars], found)
    print(f"\n{table.render_verdicts(verdicts)}")
    return 0 if all(verdict.is_kept for verdict in verdicts) else 1


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description="measure Regatta beside its peers")
    parser.add_argument(
        "--only", type=_names, default=(), metavar="NAMES", help=f"workloads: {','.join(WORKLOADS)}"
    )
    parser.add_argument("--runs", type=_count, default=3, help="runs of each tool; the median counts")
    parser.add_argument(
        "--tools",
        type=lambda words: tuple(words.split(",")),
        default=(),
        metavar="NAMES",
        help="some of regatta,engine,skopeo,floor: to look into one; stores nothing and judges no bar",
    )
    return parser


def _names(words: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(word for word in words.split(",") if word))
    unknown = [name for name in names if name not in WORKLOADS]
    if unknown:
        raise argparse.ArgumentTypeError(f"unknown: {','.join(unknown)}; there are {','.join(WORKLOADS)}")
    return names


def _count(word: str) -> int:
    if not word.isdigit() or int(word) < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return int(word)


if __name__ == "__main__":
    sys.exit(main())
