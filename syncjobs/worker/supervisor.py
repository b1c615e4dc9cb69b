"""
Supervises one django-q cluster: waits for the database, starts it, watches it, drains it, stops it.

Source: design/workers.md item 6 and reference/ecosystem.md 2.3, 2.5 (R3, R4): SIGTERM goes to the main pid
only, a cluster that takes no work although some is due is killed and started again (`watchdog`).
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import time
import uuid
from functools import partial
from pathlib import Path
from types import FrameType

from django.conf import settings
from django.db import close_old_connections, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.utils import DatabaseError, InterfaceError
from django.utils import timezone

from syncjobs import queue
from syncjobs.drain import ledger
from syncjobs.worker import death, watchdog
from syncjobs.worker.watchdog import Watchdog

_LOOK_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 10.0
_QUIET_LIFE_SECONDS = 15.0
_IDLE_STOP_SECONDS = 5.0

log = logging.getLogger(__name__)


class Supervisor:
    """
    One cluster of worker processes on this machine.

    Where a companion process (the web server of `serve`) ends, the supervisor ends with code 1.
    """

    def __init__(self, companion: subprocess.Popen[bytes] | None = None) -> None:
        self.token = uuid.uuid4().hex
        self._companion = companion
        self._cluster: subprocess.Popen[bytes] | None = None
        self._is_stopping = False
        self._started_at = 0.0
        self._pause_seconds = 1.0
        self._watchdog = Watchdog()
        self._flag = Path(f"{settings.DRAIN_FLAG}-{self.token[:8]}")

    def run(self) -> int:
        """Supervise until SIGTERM or SIGINT; return the exit code, 0 after a clean drain."""
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGINT, self._on_signal)
        self._wait_for_database()
        if not self._is_stopping:
            self._sign_in()
        while not self._is_stopping and not self._has_lost_companion():
            self._look()
            time.sleep(_LOOK_SECONDS)
        code = self._drain()
        return 1 if self._has_lost_companion() else code

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._is_stopping = True

    def _has_lost_companion(self) -> bool:
        return self._companion is not None and self._companion.poll() is not None

    def _sign_in(self) -> None:
        name = f"{socket.gethostname()}:{os.getpid()}:supervisor"
        now = timezone.now()
        ledger.sign_in(name=name, token=self.token, now=now, is_supervisor=True)
        ledger.forget_old(now)
        queue.ensure_tick()
        queue.ring()

    def _wait_for_database(self) -> None:
        said = ""
        while not self._is_stopping:
            close_old_connections()
            problem = database_problem()
            if problem is None:
                return
            if problem != said:
                log.warning("Waiting: %s", problem)
                said = problem
            time.sleep(1)

    def _look(self) -> None:
        if self._cluster is None:
            self._start()
        elif self._cluster.poll() is not None:
            log.error("The cluster ended with code %s; starting it again", self._cluster.returncode)
            self._kill()
            self._pause()
        try:
            close_old_connections()
            self._watch()
        except (DatabaseError, InterfaceError) as error:
            log.warning("The database is away: %s", error)
            connection.close()

    def _start(self) -> None:
        self._cluster = subprocess.Popen(
            [sys.executable, "-m", "syncjobs.worker.cluster"],
            env=child_environment() | {"REGATTA_DRAIN_FLAG": str(self._flag)},
            start_new_session=True,
            preexec_fn=partial(death.die_with_parent, os.getpid()),  # noqa: PLW1509 - no threads here
            stdin=subprocess.DEVNULL,
        )
        self._started_at = time.monotonic()

    def _watch(self) -> None:
        now = timezone.now()
        ledger.beat(token=self.token, now=now)
        is_due = ledger.has_due(now)
        if is_due:
            queue.ring()
        if self._cluster is None:
            watchdog.bury_dead(now)
            return
        reason = self._watchdog.find_reason(self._cluster.pid, is_due=is_due, now=now, clock=time.monotonic())
        if reason:
            log.error("%s; killing the cluster", reason)
            self._kill()
            self._pause()

    def _pause(self) -> None:
        """Wait before the next start: the longer, the more clusters have ended before they did anything."""
        if self._watchdog.has_seen_work or time.monotonic() - self._started_at > _QUIET_LIFE_SECONDS:
            self._pause_seconds = 1.0
        self._watchdog = Watchdog()
        until = time.monotonic() + self._pause_seconds
        self._pause_seconds = min(2 * self._pause_seconds, _LONGEST_PAUSE_SECONDS)
        while time.monotonic() < until and not self._is_stopping:
            time.sleep(0.1)

    def _drain(self) -> int:
        self._sign_out()
        if self._cluster is None:
            return 0
        self._raise_flag()
        try:
            os.kill(self._cluster.pid, signal.SIGTERM)
            self._await_end(self._cluster)
        except subprocess.TimeoutExpired:
            log.warning(
                "Still busy after %s s; stopping hard, leases will expire", settings.WORKER_GRACE_SECONDS
            )
            return 1
        finally:
            self._kill()
            self._flag.unlink(missing_ok=True)
        return 0

    def _await_end(self, cluster: subprocess.Popen[bytes]) -> None:
        """
        Wait until the cluster has ended, or hangs with nothing in hand, which a SIGTERM to all of it may cause.

        Raises TimeoutExpired after the grace period.
        """
        try:
            cluster.wait(timeout=min(_IDLE_STOP_SECONDS, settings.WORKER_GRACE_SECONDS))
            return
        except subprocess.TimeoutExpired:
            ends_at = time.monotonic() + settings.WORKER_GRACE_SECONDS - _IDLE_STOP_SECONDS
        while time.monotonic() < ends_at:
            if not watchdog.has_work_in_hand(cluster.pid):
                log.warning("The cluster hangs with nothing in hand; stopping hard")
                return
            try:
                cluster.wait(timeout=_LOOK_SECONDS)
                return
            except subprocess.TimeoutExpired:
                continue
        raise subprocess.TimeoutExpired(cluster.args, settings.WORKER_GRACE_SECONDS)

    def _sign_out(self) -> None:
        try:
            ledger.sign_out(token=self.token)
        except (DatabaseError, InterfaceError) as error:
            log.warning(
                "The database is away; an old heartbeat will tell that this worker is gone: %s", error
            )

    def _raise_flag(self) -> None:
        try:
            self._flag.parent.mkdir(parents=True, exist_ok=True)
            self._flag.touch()
        except OSError as error:
            log.warning("Workers may take new work until they stop: %s", error)

    def _kill(self) -> None:
        if self._cluster is None:
            return
        try:
            os.killpg(self._cluster.pid, signal.SIGKILL)
        except ProcessLookupError:
            log.debug("The cluster's processes are gone already")
        self._cluster.wait()
        self._cluster = None


def child_environment() -> dict[str, str]:
    """Return an environment in which a child finds our code from whatever directory we were started in."""
    path = [str(settings.BASE_DIR), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, path))}


def database_problem() -> str | None:
    """Return what stands in the way of working with the database, or None."""
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return "the database has migrations to apply; run manage.py migrate"
    except (DatabaseError, InterfaceError) as error:
        connection.close()
        return f"the database cannot be reached: {str(error).strip()}"
    return None
