"""What may befall a worker besides a kill: each with real processes, and nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import time
import uuid
from collections.abc import Callable, Iterator

import psycopg
import pytest

from tests.chaos.ledger import Ledger
from tests.chaos.victims import list_of_installation
from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.servers.postgres import Postgres
from tests.servers.process_tree import Process, family, survivors
from tests.servers.processes import Child
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.timeout(400)  # leases have to run out, five times in a row in one of them

RULE = "source/everything"
HELD = "team/held"

Sides = tuple[FakeRegistry, FakeRegistry]


@pytest.fixture
def sides() -> Iterator[Sides]:
    with FakeRegistry() as source, FakeRegistry() as target:
        images.push(images.image("held", layers=1), source, HELD, "v1")
        yield source, target


@pytest.fixture
def gate(sides: Sides) -> Iterator[Gate]:
    """A gate before the first download of the held repository."""
    gate = Gate()
    sides[0].fault(Fault(method="GET", path=f"{HELD}/blobs/", gate=gate, times=None))
    yield gate
    gate.open()


@pytest.fixture
def regatta() -> Iterator[Regatta]:
    with Regatta() as installation:
        yield installation


def begin(regatta: Regatta, sides: Sides) -> Child:
    """Start a worker and trigger a rule between the two registries."""
    declare(regatta, sides)
    supervisor = regatta.start_worker()
    regatta.manage("trigger_rule", RULE)
    return supervisor


def declare(regatta: Regatta, sides: Sides) -> None:
    place = 'account: "100000000001", edition: standard, region: ap-guangzhou'
    regatta.apply(
        f"""
accounts:
  - {{uin: "100000000001", name: Example}}
instances:
  - {{name: source, {place}, endpoint: "{sides[0].url}"}}
  - {{name: target, {place}, endpoint: "{sides[1].url}"}}
rules:
  - {{source: source, name: everything, namespace: team, target: target}}
"""
    )


def wait_until(is_so: Callable[[], bool], *, seconds: float = 150) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def has_ended(ledger: Ledger) -> bool:
    return all(run.is_final for run in ledger.list_runs())


@contextlib.contextmanager
def shut_out(server: Postgres) -> Iterator[None]:
    """Cut every connection to the database and refuse new ones, as a restart does."""
    with psycopg.connect(server.url_of("postgres"), autocommit=True) as admin:
        admin.execute("ALTER DATABASE regatta ALLOW_CONNECTIONS false")
        admin.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'regatta'")
        try:
            yield
        finally:
            admin.execute("ALTER DATABASE regatta ALLOW_CONNECTIONS true")


class TestDatabaseRestart:
    def test_loses_no_ending_and_repeats_no_work(self, sides: Sides, gate: Gate) -> None:
        source, target = sides
        for number in range(20):
            images.push(images.image(number), source, f"team/app{number}", "v1")
        with Postgres() as server, Regatta({"REGATTA_DATABASE_URL": server.url}) as regatta:
            supervisor, ledger = begin(regatta, sides), Ledger(regatta)
            gate.wait_until_reached(timeout_seconds=30)
            with shut_out(server):
                gate.open()
                wait_until(lambda: target.tags(HELD) == source.tags(HELD))
                time.sleep(3)

            wait_until(lambda: has_ended(ledger))

            jobs = ledger.list_jobs()
            assert {(status, attempt, lost) for _name, status, attempt, lost, _reason in jobs} == {
                ("succeeded", 1, 0)
            }
            assert ledger.list_runs()[0].copied_count == len(jobs) == 21
            regatta.manage("trigger_rule", RULE)
            wait_until(lambda: has_ended(ledger))
            members = family(supervisor.pid)
            supervisor.stop()
            assert survivors(members) == []


class TestSecretKeyRotation:
    def test_drops_the_doorbells_of_the_old_key_and_does_their_work(
        self, regatta: Regatta, sides: Sides
    ) -> None:
        source, target = sides
        declare(regatta, sides)
        regatta.manage("trigger_rule", RULE)

        regatta.environment["REGATTA_SECRET_KEY"] = uuid.uuid4().hex * 2
        regatta.start_worker()

        wait_until(lambda: has_ended(Ledger(regatta)))
        assert target.tags(HELD) == source.tags(HELD)


class TestHungWorker:
    def test_is_killed_and_its_job_is_done_by_another(
        self, regatta: Regatta, sides: Sides, gate: Gate
    ) -> None:
        ledger = Ledger(regatta)
        begin(regatta, sides)
        gate.wait_until_reached(timeout_seconds=30)
        (pid,) = ledger.list_holders(HELD)

        os.kill(pid, signal.SIGSTOP)
        gate.open()

        wait_until(lambda: has_ended(ledger), seconds=90)
        wait_until(lambda: pid not in {process.pid for process in list_of_installation(regatta.directory)})
        ((name, status, _attempt, lost, _reason),) = ledger.list_jobs()
        assert (name, status, lost) == (HELD, "succeeded", 1)


class TestJobThatKillsItsWorker:
    def test_is_failed_after_five_workers_and_takes_no_other_with_it(
        self, regatta: Regatta, sides: Sides, gate: Gate
    ) -> None:
        for number in range(40):
            images.push(images.image(number), sides[0], f"team/app{number}", "v1")
        ledger = Ledger(regatta)
        begin(regatta, sides)
        seen = 0

        def kill_who_reached_the_gate() -> bool:
            nonlocal seen
            busy = ledger.list_holders(HELD) if gate.arrivals > seen else []
            for pid in busy:
                os.kill(pid, signal.SIGKILL)
            seen = gate.arrivals if busy else seen
            return has_ended(ledger)

        wait_until(kill_who_reached_the_gate)

        ended = {name: (status, reason) for name, status, _attempt, _lost, reason in ledger.list_jobs()}
        assert ended.pop(HELD) == ("failed", "worker_lost")
        assert set(ended.values()) == {("succeeded", "")}


class TestSignalToEverybody:
    def test_ends_soon_leaves_nobody_and_loses_nothing(
        self, regatta: Regatta, sides: Sides, gate: Gate
    ) -> None:
        supervisor = begin(regatta, sides)
        gate.wait_until_reached(timeout_seconds=30)
        members = family(supervisor.pid)

        send(members, signal.SIGTERM)

        supervisor.wait(30)
        assert survivors(members) == []
        gate.open()
        regatta.start_worker()
        wait_until(lambda: has_ended(Ledger(regatta)))
        assert sides[1].tags(HELD) == sides[0].tags(HELD)


class TestEndOfTheGracePeriod:
    def test_gives_back_what_is_in_hand_without_counting_a_lost_worker(
        self, sides: Sides, gate: Gate
    ) -> None:
        with Regatta({"REGATTA_WORKER_GRACE_SECONDS": "12"}) as regatta:
            supervisor, ledger = begin(regatta, sides), Ledger(regatta)
            gate.wait_until_reached(timeout_seconds=30)

            os.kill(supervisor.pid, signal.SIGTERM)

            assert supervisor.wait(30) == 0
            assert ledger.list_jobs() == [(HELD, "pending", 1, 0, "")]
            gate.open()
            regatta.start_worker()
            wait_until(lambda: has_ended(ledger), seconds=20)
            assert ledger.list_jobs() == [(HELD, "succeeded", 2, 0, "")]


def send(processes: list[Process], number: signal.Signals) -> None:
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process.pid, number)
