"""How long programs wait for lists of rules and executions after a busy year, and what a signature costs."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from bench.bars import Bar, Figures
from bench.measuring import say
from bench.results import Result
from bench.tools.child import GatedChild
from bench.workloads.workload import Workload, Workshop
from tests.servers.postgres import Postgres
from tests.servers.regatta import Regatta

_DATABASES = ("sqlite", "postgres")
_VARIABLES = {
    "REGATTA_DEBUG": "false",
    "REGATTA_LOG_LEVEL": "WARNING",
    "REGATTA_API_PER_MINUTE": "0",
    "REGATTA_CLOUD_PER_MINUTE": "0",
}
_KEYED = "TC3 with its key"


@dataclass(frozen=True, slots=True)
class Api:
    """
    Each request a hundred times, through Django's test client: middleware, token or signature, queries, JSON.

    Each signature a thousand times, alone, and once more with its key from the database.
    """

    name: str
    bars: tuple[Bar, ...]

    def measure(self, workshop: Workshop) -> list[Result]:
        """Return the 95th percentile of each request, with its queries, and of each kind of signature."""
        results: list[Result] = []
        for database in workshop.wanted(_DATABASES):
            report = self._report(database)
            results += self._rows(database, "request", report["requests"])
            results += self._rows(database, "signature", report["signatures"])
        return results

    def _report(self, database: str) -> dict[str, Any]:
        with ExitStack() as stack:
            variables = dict(_VARIABLES)
            if database == "postgres":
                variables["REGATTA_DATABASE_URL"] = stack.enter_context(Postgres()).url
            regatta = stack.enter_context(Regatta(variables))
            child = stack.enter_context(GatedChild("api", environment=regatta.environment))
            say(f"    {database}: filled in {child.facts['fill_seconds']} s")
            return child.work()

    def _rows(self, database: str, kind: str, entries: Sequence[dict[str, Any]]) -> list[Result]:
        for entry in entries:
            queries = f", {entry['queries']} queries" if "queries" in entry else ""
            say(
                f"    {database} {entry['name']}: median {entry['median'] * 1000:.3f} ms, "
                f"p95 {entry['p95'] * 1000:.3f} ms{queries}"
            )
        return [
            Result(
                self.name,
                f"{database} {kind} {entry['name']}",
                round(entry["p95"], 6),
                queries=entry.get("queries"),
            )
            for entry in entries
        ]


def _slowest(figures: Figures, prefix: str) -> float:
    """Return the milliseconds of the slowest of these; raises KeyError if none was measured."""
    found = [one for tool, one in figures.items() if tool.startswith(prefix) and not tool.endswith(_KEYED)]
    if not found:
        raise KeyError(prefix)
    return 1000 * max(result.wall_seconds for result in found)


def _bars(database: str) -> tuple[Bar, ...]:
    return (
        Bar(
            "api",
            f"the slowest request takes at most 50 ms (p95, {database})",
            lambda figures: _slowest(figures, f"{database} request "),
            50,
            is_floor=False,
        ),
        Bar(
            "api",
            f"the slowest signature takes at most 0.3 ms (p95, {database})",
            lambda figures: _slowest(figures, f"{database} signature "),
            0.3,
            is_floor=False,
        ),
    )


API: Workload = Api("api", bars=tuple(bar for database in _DATABASES for bar in _bars(database)))
