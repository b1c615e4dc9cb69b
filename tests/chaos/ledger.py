"""Reads executions and jobs straight from the database of an installation, whichever of the two it is."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from syncjobs.states import FINAL
from tests.servers.regatta import Regatta

_FIELDS = ("id", "status", "reason", "repository_count", "succeeded_repository_count", "copied_count")
_COUNTS = ("up_to_date_count", "skipped_count", "failed_count")


@dataclass(frozen=True, slots=True)
class Run:
    """One execution as the log page counts it."""

    id: int
    status: str
    reason: str
    repository_count: int
    succeeded_repository_count: int
    copied_count: int
    up_to_date_count: int
    skipped_count: int
    failed_count: int

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in FINAL


class Ledger:
    """Every question opens a connection of its own, so that it never holds up a worker."""

    def __init__(self, regatta: Regatta) -> None:
        self._url = regatta.environment.get("REGATTA_DATABASE_URL")
        self._path = regatta.directory / "regatta.sqlite3"

    def list_runs(self) -> list[Run]:
        """Return all executions, oldest first."""
        columns = ", ".join((*_FIELDS, *_COUNTS))
        return [Run(*row) for row in self._ask(f"SELECT {columns} FROM syncjobs_execution ORDER BY id")]

    def list_endings(self) -> list[float]:
        """Return when jobs ended, in seconds since the epoch, sorted."""
        rows = self._ask("SELECT finished_at FROM syncjobs_job WHERE finished_at IS NOT NULL")
        return sorted(_seconds(row[0]) for row in rows)

    def list_lost(self) -> list[int]:
        """Return for every job that lost workers how many they were."""
        return [row[0] for row in self._ask("SELECT lost_count FROM syncjobs_job WHERE lost_count > 0")]

    def list_jobs(self) -> list[tuple[str, str, int, int, str]]:
        """Return repository, status, attempts, lost workers and reason of all copies, oldest first."""
        columns = "source_repository, status, attempt, lost_count, reason"
        rows = self._ask(f"SELECT {columns} FROM syncjobs_job WHERE kind = 'copy' ORDER BY id")
        return [(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    def list_holders(self, repository: str) -> list[int]:
        """Return the pids of the worker processes that hold the repository's job."""
        rows = self._ask(
            "SELECT w.name FROM syncjobs_worker w JOIN syncjobs_job j ON j.lease_token = w.token "
            f"WHERE j.source_repository = '{repository}'"
        )
        return [int(row[0].rpartition(":")[2]) for row in rows]

    def _ask(self, sql: str) -> Iterable[tuple[Any, ...]]:
        if self._url is not None:
            with psycopg.connect(self._url) as postgres:
                return postgres.execute(sql.encode()).fetchall()
        sqlite = sqlite3.connect(self._path, timeout=20)
        try:
            return sqlite.execute(sql).fetchall()
        finally:
            sqlite.close()


def _seconds(moment: str | datetime) -> float:
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    return moment.timestamp()
