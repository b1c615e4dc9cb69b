"""
The doorbell: the only module that knows django-q2.

A doorbell carries no work, only "look at the jobs table"; losing one costs a minute at most, a second one
costs a query. Source: design/workers.md, reference/ecosystem.md 2 (R1 to R7), docs/adr/0003.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime
from typing import Any

from django.db import connections, transaction
from django.db.utils import InterfaceError, OperationalError
from django.utils import timezone
from django_q.brokers.orm import ORM
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule
from django_q.tasks import async_task

_CHANNEL = "regatta_doorbell"
_TICK_NAME = "tick"
_LISTEN_SECONDS = 1.0
_LOOK_SECONDS = 0.01

log = logging.getLogger(__name__)


class DoorbellBroker(ORM):  # type: ignore[misc]  # django-q has no types
    """
    The database broker, oldest first; it sleeps in LISTEN on PostgreSQL, and on SQLite until somebody commits.

    Measured: 5 ms from commit to start of work on PostgreSQL instead of about 120 ms with a poll of the table
    (reference/ecosystem.md 2.2).
    """

    _listening: Any = None

    def enqueue(self, task: str) -> int:
        """Store a doorbell and, on PostgreSQL, notify the listeners when it commits."""
        pk: int = super().enqueue(task)
        connection = connections[Conf.ORM]
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_notify(%s, '')", [_CHANNEL])
        return pk

    def dequeue(self) -> list[tuple[int, str]]:
        """Return the oldest doorbell nobody has taken, or nothing after waiting a while for one."""
        if connections[Conf.ORM].vendor != "postgresql":
            version = self._data_version()
            taken = self._take_by_compare_and_set()
            if not taken:
                self._wait_for_commit(version)
            return taken
        try:
            taken = self._take_with_row_lock()
            if not taken:
                self._listen()
            return taken
        except (OperationalError, InterfaceError) as error:
            log.warning("The database is away, trying again: %s", error)
            connections[Conf.ORM].close()
            self._listening = None
            time.sleep(1)
            return []

    def _take_by_compare_and_set(self) -> list[tuple[int, str]]:
        waiting = (
            self.get_connection()
            .filter(key=self.list_key, lock__lt=timezone.now())
            .order_by("id")[: Conf.BULK]
        )
        return [
            (row.pk, row.payload)
            for row in waiting
            if self.get_connection().filter(pk=row.pk, lock=row.lock).update(lock=self.timeout(row))
        ]

    def _wait_for_commit(self, version: int) -> None:
        """Sleep until another connection has changed the SQLite file, but no longer than the poll interval."""
        ends_at = time.monotonic() + Conf.POLL
        while time.monotonic() < ends_at and self._data_version() == version:
            time.sleep(_LOOK_SECONDS)

    @staticmethod
    def _data_version() -> int:
        """
        Return what SQLite counts up with the commits of others. Source: sqlite.org/pragma.

        Asked a hundred times a second, so past Django's cursors, which would cost thirty times as much.
        """
        connection = connections[Conf.ORM]
        connection.ensure_connection()
        return int(connection.connection.execute("PRAGMA data_version").fetchone()[0])

    def _take_with_row_lock(self) -> list[tuple[int, str]]:
        with transaction.atomic(using=Conf.ORM):
            rows = list(
                self.get_connection()
                .filter(key=self.list_key, lock__lt=timezone.now())
                .order_by("id")
                .select_for_update(skip_locked=True)[: Conf.BULK]
            )
            for row in rows:
                OrmQ.objects.using(Conf.ORM).filter(pk=row.pk).update(lock=self.timeout(row))
        return [(row.pk, row.payload) for row in rows]

    def _listen(self) -> None:
        connection = connections[Conf.ORM]
        connection.ensure_connection()
        raw = connection.connection
        if raw is not self._listening:
            raw.execute(f"LISTEN {_CHANNEL}")
            self._listening = raw
            return
        for _notification in raw.notifies(timeout=_LISTEN_SECONDS, stop_after=1):
            return


def ring() -> None:
    """
    Wake one worker once the current transaction commits; safe to repeat.

    Never fails: what was committed stays, and the supervisors ring for it within a second.
    """
    transaction.on_commit(_enqueue, robust=True)


def ring_all() -> None:
    """Wake as many workers as one machine has, for work that several can share; safe to repeat."""
    for _worker in range(Conf.WORKERS):
        ring()


def waiting_count() -> int:
    """Return how many doorbells no worker has taken yet."""
    return int(OrmQ.objects.using(Conf.ORM).filter(lock__lt=timezone.now()).count())


def ensure_tick() -> None:
    """
    Create the one django-q2 schedule, which calls `tick` every minute; safe to repeat.

    Its name is not unique in django-q2's table, so two supervisors that start together may each create one:
    the next start keeps the first.
    """
    others = Schedule.objects.filter(name=_TICK_NAME).order_by("id").values_list("pk", flat=True)[1:]
    Schedule.objects.filter(pk__in=list(others)).delete()
    Schedule.objects.update_or_create(
        name=_TICK_NAME,
        defaults={
            "func": "syncjobs.tasks.tick",
            "schedule_type": Schedule.MINUTES,
            "minutes": 1,
            "repeats": -1,
        },
    )


def is_tick_late(limit: datetime) -> bool:
    """Return whether the tick should have been called before `limit` and nobody has."""
    return bool(Schedule.objects.filter(name=_TICK_NAME, next_run__lt=limit).exists())


def _enqueue() -> None:
    if waiting_count() < 2 * Conf.WORKERS:
        async_task("syncjobs.tasks.drain")
