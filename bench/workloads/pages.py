"""How long the server takes for each page of a console that has been busy for a year, and what browsers load."""

from __future__ import annotations

import gzip
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import django_htmx

from bench.bars import Bar
from bench.measuring import say
from bench.results import Result
from bench.tools.child import PROJECT, GatedChild
from bench.workloads.workload import Workload, Workshop
from tests.servers.postgres import Postgres
from tests.servers.regatta import Regatta

_DATABASES = ("sqlite", "postgres")
_VARIABLES = {"REGATTA_DEBUG": "false", "REGATTA_LOG_LEVEL": "WARNING"}
_HTMX = Path(django_htmx.__file__).parent / "static/django_htmx/htmx-2.min.js"


@dataclass(frozen=True, slots=True)
class Pages:
    """Each page twenty times, through Django's test client: middleware, session, queries and templates, no socket."""

    name: str
    bars: tuple[Bar, ...]

    def measure(self, workshop: Workshop) -> list[Result]:
        """Return the median of each page, the slowest 95th percentile, and the size of stylesheets and scripts."""
        results: list[Result] = []
        for database in workshop.wanted(_DATABASES):
            results += self._measure_on(database)
        size = asset_bytes()
        say(f"    stylesheets and scripts, compressed: {size:,} bytes")
        return [*results, Result(self.name, "assets", wall_seconds=0.0, bytes_moved=size)]

    def _measure_on(self, database: str) -> list[Result]:
        with ExitStack() as stack:
            variables = dict(_VARIABLES)
            if database == "postgres":
                variables["REGATTA_DATABASE_URL"] = stack.enter_context(Postgres()).url
            regatta = stack.enter_context(Regatta(variables))
            regatta.manage("collectstatic", "--no-input", "--verbosity", "0")
            child = stack.enter_context(GatedChild("pages", environment=regatta.environment))
            say(f"    {database}: filled in {child.facts['fill_seconds']} s")
            pages = child.work()["pages"]
        for page in pages:
            say(
                f"    {database} {page['name']}: median {page['median'] * 1000:.1f} ms, "
                f"p95 {page['p95'] * 1000:.1f} ms, {page['queries']} queries"
            )
        slowest = max(page["p95"] for page in pages)
        return [
            *(
                Result(
                    self.name, f"{database} {page['name']}", round(page["median"], 4), queries=page["queries"]
                )
                for page in pages
            ),
            Result(self.name, f"slowest p95 on {database}", round(slowest, 4)),
        ]


def asset_bytes() -> int:
    """Return what a browser loads for its first page beside the page, compressed: all stylesheets and scripts."""
    static = PROJECT / "static"
    files = [*static.glob("css/*.css"), *static.glob("js/*.js"), _HTMX]
    return sum(len(gzip.compress(path.read_bytes(), 9)) for path in files)


def _bars(database: str) -> tuple[Bar, ...]:
    return (
        Bar(
            "pages",
            f"the slowest page takes at most 50 ms (median, {database})",
            lambda figures: max(
                1000 * result.wall_seconds
                for tool, result in figures.items()
                if tool.startswith(f"{database} ")
            ),
            50,
            is_floor=False,
        ),
        Bar(
            "pages",
            f"the slowest page takes at most 50 ms (p95, {database})",
            lambda figures: 1000 * figures[f"slowest p95 on {database}"].wall_seconds,
            50,
            is_floor=False,
        ),
        Bar(
            "pages",
            f"no page needs more than 15 queries ({database})",
            lambda figures: max(
                result.queries or 0 for tool, result in figures.items() if tool.startswith(f"{database} ")
            ),
            15,
            is_floor=False,
        ),
    )


PAGES: Workload = Pages(
    "pages",
    bars=(
        *(bar for database in _DATABASES for bar in _bars(database)),
        Bar(
            "pages",
            "stylesheets and scripts take at most 60 kB, compressed",
            lambda figures: (figures["assets"].bytes_moved or 0) / 1000,
            60,
            is_floor=False,
        ),
    ),
)
