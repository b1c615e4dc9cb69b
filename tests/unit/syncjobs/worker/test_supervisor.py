"""The supervisor over a stand-in for the cluster: starting, watching, draining, and a database that goes away."""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.db import DatabaseError, InterfaceError, OperationalError
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from syncjobs import queue
from syncjobs.drain import ledger
from syncjobs.models import Worker
from syncjobs.worker import supervisor as module
from syncjobs.worker.supervisor import Supervisor, child_environment, database_problem
from syncjobs.worker.watchdog import Watchdog
from tests.factories import make_job, make_worker
from tests.servers.process_tree import group, survivors

pytestmark = pytest.mark.django_db(transaction=True)  # a supervisor closes old connections

ERRORS = [
    OperationalError("server closed"),
    InterfaceError("already closed"),
    DatabaseError("not a database"),
]
SLEEP = "echo ready; exec sleep 60"
STUBBORN = "trap '' TERM; echo ready; sleep 60"
BROKEN = "echo ready; exit 3"


class Clock:
    """Time that passes only when somebody sleeps, and for an hour at most: a loop without end fails."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        assert self.now < 4600


class Scripted(Supervisor):
    """
    A supervisor whose cluster is a shell script, and which stops after looking a number of times.

    The script prints a line when it is ready. The flag's path is in its variable REGATTA_DRAIN_FLAG, as in a
    cluster's environment.
    """

    clock: Clock

    def __init__(self, script: str = SLEEP, *, looks: int = 1, companion=None) -> None:
        super().__init__(companion)
        self.script = script
        self.looks = looks
        self.pids: list[int] = []

    def _start(self) -> None:
        self._cluster = subprocess.Popen(
            ["sh", "-c", self.script],
            env={**os.environ, "REGATTA_DRAIN_FLAG": str(self._flag)},
            start_new_session=True,
            stdout=subprocess.PIPE,
        )
        assert self._cluster.stdout is not None
        self._cluster.stdout.readline()
        if self.script == BROKEN:
            self._cluster.wait()
        self._started_at = self.clock.monotonic()
        self.pids.append(self._cluster.pid)

    def _look(self) -> None:
        super()._look()
        self.looks -= 1
        if not self.looks:
            self._on_signal(signal.SIGTERM, None)


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    clock = Scripted.clock = Clock()
    monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture(autouse=True)
def flag(settings, tmp_path):
    settings.DRAIN_FLAG = str(tmp_path / "data" / "drain")
    settings.WORKER_GRACE_SECONDS = 5
    return Path(settings.DRAIN_FLAG)


@pytest.fixture(autouse=True)
def rings(monkeypatch):
    heard: list[str] = []
    monkeypatch.setattr(queue, "ring", lambda: heard.append("ring"))
    return heard


@pytest.fixture(autouse=True)
def handlers():
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


def fail(error: Exception):
    def raise_it(*_arguments: object, **_keywords: object) -> None:
        raise error

    return raise_it


class TestRun:
    def test_starts_a_cluster_and_ends_with_code_0_after_a_clean_drain(self):
        supervisor = Scripted(looks=3)
        assert supervisor.run() == 0
        (pid,) = supervisor.pids
        assert survivors(group(pid)) == []

    def test_shows_itself_while_it_lives_and_rings_for_what_waits(self, rings, monkeypatch):
        seen: list[tuple[str, bool]] = []
        supervisor = Scripted()
        monkeypatch.setattr(
            ledger, "has_due", lambda _now: seen.extend(Worker.objects.values_list("token", "is_supervisor"))
        )
        supervisor.run()
        assert seen == [(supervisor.token, True)]
        assert rings == ["ring"]
        assert not Worker.objects.exists()

    def test_obeys_the_signals_of_init_systems_and_terminals(self):
        supervisor = Scripted(looks=0)
        for number in (signal.SIGTERM, signal.SIGINT):
            supervisor._is_stopping = True
            supervisor.run()
            handler = signal.getsignal(number)
            assert callable(handler)
            supervisor._is_stopping = False
            handler(number, None)
            assert supervisor._is_stopping

    def test_starts_the_cluster_again_when_it_ends(self, caplog):
        supervisor = Scripted(BROKEN, looks=4)
        supervisor.run()
        assert len(supervisor.pids) == 2
        assert "ended with code 3" in caplog.text

    def test_waits_longer_each_time_a_cluster_ends_at_once_but_not_for_ever(self, clock):
        supervisor = Scripted(BROKEN, looks=20)
        before = clock.now
        supervisor.run()
        pauses = 1 + 2 + 4 + 8 + 6 * 10
        assert len(supervisor.pids) == 10
        assert pauses <= clock.now - before <= pauses + 30

    def test_starts_the_next_soon_when_the_last_has_worked(self, clock, monkeypatch):
        monkeypatch.setattr(Watchdog, "has_seen_work", True)
        supervisor = Scripted(BROKEN, looks=20)
        before = clock.now
        supervisor.run()
        assert len(supervisor.pids) == 10
        assert clock.now - before < 10 + 20 + 1

    def test_ends_with_code_1_when_its_companion_has_ended(self):
        companion = subprocess.Popen([sys.executable, "-c", ""])
        companion.wait()
        supervisor = Scripted(looks=1, companion=companion)
        assert supervisor.run() == 1
        assert supervisor.pids == []

    def test_waits_for_the_database_and_says_why_once(self, monkeypatch, caplog):
        problems = iter(["the database cannot be reached"] * 3 + [None])
        monkeypatch.setattr(module, "database_problem", lambda: next(problems))
        assert Scripted().run() == 0
        assert caplog.text.count("cannot be reached") == 1

    def test_can_be_stopped_while_it_waits(self, monkeypatch):
        supervisor = Scripted()

        def stopping() -> str:
            supervisor._on_signal(signal.SIGTERM, None)
            return "the database cannot be reached"

        monkeypatch.setattr(module, "database_problem", stopping)
        assert supervisor.run() == 0
        assert supervisor.pids == []

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_outlives_a_database_that_goes_away(self, monkeypatch, error, caplog):
        monkeypatch.setattr(ledger, "beat", fail(error))
        supervisor = Scripted(looks=3)
        assert supervisor.run() == 0
        assert len(supervisor.pids) == 1
        assert "database is away" in caplog.text


class TestWatch:
    def test_renews_the_heartbeat(self):
        supervisor = Scripted()
        worker = make_worker(token=supervisor.token, heartbeat_at=timezone.now() - timedelta(days=1))
        supervisor._watch()
        worker.refresh_from_db()
        assert worker.heartbeat_at > timezone.now() - timedelta(minutes=1)

    def test_rings_while_something_is_due(self, rings):
        Scripted()._watch()
        assert rings == []
        make_job()
        Scripted()._watch()
        assert rings == ["ring"]

    def test_kills_a_cluster_that_takes_nothing_and_starts_another(self, caplog):
        make_job(not_before=timezone.now() - timedelta(minutes=2))
        supervisor = Scripted(looks=60)
        supervisor.run()
        assert len(supervisor.pids) == 2
        assert "killing the cluster" in caplog.text

    def test_gives_a_new_cluster_time_to_start(self):
        make_job(not_before=timezone.now() - timedelta(minutes=2))
        supervisor = Scripted(looks=40)
        supervisor.run()
        assert len(supervisor.pids) == 1

    def test_leaves_an_idle_cluster_alone(self):
        supervisor = Scripted(looks=140)
        supervisor.run()
        assert len(supervisor.pids) == 1


class TestDrain:
    def test_raises_a_flag_of_its_own_until_the_cluster_has_stopped(self, flag, tmp_path):
        seen = tmp_path / "seen"
        script = (
            f"trap 'ls \"$REGATTA_DRAIN_FLAG\" >{seen}; exit 0' TERM; echo ready; while :; do sleep 0.1; done"
        )
        first, second = Scripted(script), Scripted(script)
        assert first.run() == 0
        first_flag = seen.read_text().strip()
        assert first_flag.startswith(str(flag))
        assert not Path(first_flag).exists()
        assert second.run() == 0
        assert seen.read_text().strip() != first_flag

    def test_stops_hard_after_the_grace_period_and_says_so_by_its_code(self, settings, caplog):
        settings.WORKER_GRACE_SECONDS = 0.3
        supervisor = Scripted(STUBBORN)
        assert supervisor.run() == 1
        assert survivors(group(supervisor.pids[0])) == []
        assert "stopping hard" in caplog.text

    def test_leaves_no_child_of_the_cluster_behind(self):
        supervisor = Scripted("sleep 60 & echo ready; exec sleep 60")
        assert supervisor.run() == 0
        assert survivors(group(supervisor.pids[0])) == []

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_drains_without_a_database_too(self, monkeypatch, error):
        monkeypatch.setattr(ledger, "sign_out", fail(error))
        assert Scripted().run() == 0

    def test_drains_where_no_flag_can_be_written(self, settings, caplog):
        settings.DRAIN_FLAG = "/proc/no/such/place"
        assert Scripted().run() == 0
        assert "may take new work" in caplog.text

    def test_has_nothing_to_drain_before_a_cluster_was_started(self):
        assert Supervisor()._drain() == 0


class TestDatabaseProblem:
    def test_is_none_with_a_migrated_database(self):
        assert database_problem() is None

    def test_asks_for_migrations(self, monkeypatch):
        monkeypatch.setattr(MigrationExecutor, "migration_plan", lambda *_arguments: [SimpleNamespace()])
        problem = database_problem()
        assert problem is not None
        assert "manage.py migrate" in problem

    @pytest.mark.parametrize("error", ERRORS, ids=repr)
    def test_says_what_the_database_says(self, monkeypatch, error):
        monkeypatch.setattr(module, "MigrationExecutor", fail(error))
        monkeypatch.setattr(module, "connection", SimpleNamespace(close=lambda: None))
        assert database_problem() == f"the database cannot be reached: {error}"


class TestChildEnvironment:
    def test_finds_our_code_first_and_keeps_the_rest(self, monkeypatch, settings):
        monkeypatch.setenv("PYTHONPATH", "/somewhere")
        monkeypatch.setenv("REGATTA_SOMETHING", "kept")
        environment = child_environment()
        assert environment["PYTHONPATH"].split(os.pathsep) == [str(settings.BASE_DIR), "/somewhere"]
        assert environment["REGATTA_SOMETHING"] == "kept"

    def test_adds_no_empty_entry_which_would_mean_the_current_directory(self, monkeypatch, settings):
        monkeypatch.delenv("PYTHONPATH", raising=False)
        assert child_environment()["PYTHONPATH"] == str(settings.BASE_DIR)
