"""`manage.py worker` and `serve` as real processes: they start, work, drain, and leave nobody behind."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator

import httpx
import pytest

from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.servers.process_tree import Process, family, survivors
from tests.servers.processes import Child, is_listening
from tests.servers.regatta import ROOT, Regatta

RULE = "source/everything"
WORKERS = 2
CLUSTER_PROCESSES = 1 + 1 + WORKERS + 2
"""django-q's main process, its sentinel, the workers, and its pusher and monitor."""

Sides = tuple[FakeRegistry, FakeRegistry]


@pytest.fixture
def registries() -> Iterator[Sides]:
    with FakeRegistry() as source, FakeRegistry() as target:
        yield source, target


def declare(regatta: Regatta, sides: Sides) -> None:
    """Describe two instances and a rule between them to the installation."""
    source, target = sides
    place = 'account: "100000000001", edition: standard, region: ap-guangzhou'
    regatta.apply(
        f"""
accounts:
  - {{uin: "100000000001", name: Example}}
instances:
  - {{name: source, {place}, endpoint: "{source.url}"}}
  - {{name: target, {place}, endpoint: "{target.url}"}}
rules:
  - {{source: source, name: everything, namespace: team, target: target}}
"""
    )


def hold_download(source: FakeRegistry) -> Gate:
    """Put an image into the source whose first download stands still until the gate is opened."""
    gate = Gate()
    images.push(images.image("held", layers=1), source, "team/held", "v1")
    source.fault(Fault(method="GET", path="/blobs/", gate=gate))
    return gate


def workers_of(supervisor: Child) -> list[Process]:
    """The processes of the cluster that the supervisor started, once all of them are there."""
    members: list[Process] = []

    def is_complete() -> bool:
        members[:] = [process for process in family(supervisor.pid) if "worker.cluster" in process.command]
        return len(members) >= CLUSTER_PROCESSES

    supervisor.wait_until(is_complete)
    return members


def busy_worker(regatta: Regatta) -> int:
    """The process that holds a job: it names itself after its pid in the table of workers."""
    script = "from syncjobs.models import Worker; print(*Worker.objects.filter(is_supervisor=False))"
    names = regatta.manage("shell", "--no-imports", "-c", script).stdout.split()
    (name,) = names
    return int(name.rpartition(":")[2])


def left_over(members: list[Process]) -> list[Process]:
    """Who of the family still runs; they are killed, so that a failing test leaves nobody either."""
    left = survivors(members)
    for process in left:
        os.kill(process.pid, signal.SIGKILL)
    return left


def end(child: Child, number: signal.Signals) -> tuple[int, list[Process]]:
    """Signal the process; return its exit code and who of its family is left."""
    members = family(child.pid)
    os.kill(child.pid, number)
    return child.wait(30), left_over(members)


class TestWorker:
    def test_works_and_ends_with_code_0_and_nobody_left(self, regatta: Regatta, registries: Sides) -> None:
        source, target = registries
        images.push(images.image("app"), source, "team/app", "v1")
        declare(regatta, registries)
        supervisor = regatta.start_worker()

        assert regatta.trigger(RULE)["status"] == "succeeded"
        assert target.tags("team/app") == source.tags("team/app")

        assert end(supervisor, signal.SIGTERM) == (0, [])

    def test_ends_as_cleanly_when_it_has_only_begun(self, regatta: Regatta) -> None:
        for _ in range(3):
            supervisor = regatta.start_worker()
            supervisor.wait_until(lambda: len(family(supervisor.pid)) > 1)  # noqa: B023 - called at once
            assert end(supervisor, signal.SIGTERM) == (0, [])

    def test_leaves_nobody_when_the_supervisor_is_killed(self, regatta: Regatta) -> None:
        supervisor = regatta.start_worker()
        workers_of(supervisor)
        assert end(supervisor, signal.SIGKILL) == (-signal.SIGKILL, [])

        supervisor = regatta.start_worker()
        supervisor.wait_until(lambda: len(family(supervisor.pid)) > 1)
        assert end(supervisor, signal.SIGKILL) == (-signal.SIGKILL, [])

    def test_finishes_what_it_has_in_hand_before_it_ends(self, regatta: Regatta, registries: Sides) -> None:
        source, target = registries
        gate = hold_download(source)
        declare(regatta, registries)
        supervisor = regatta.start_worker()
        regatta.manage("trigger_rule", RULE)
        gate.wait_until_reached()

        members = family(supervisor.pid)
        os.kill(supervisor.pid, signal.SIGTERM)
        supervisor.wait_until(lambda: list(regatta.directory.glob("drain-*")) != [])
        gate.open()

        assert (supervisor.wait(30), left_over(members)) == (0, [])
        assert target.tags("team/held") == source.tags("team/held")
        assert regatta.manage_json("list_executions")[0]["status"] == "succeeded"
        assert list(regatta.directory.glob("drain-*")) == []

    def test_starts_a_new_cluster_when_its_own_dies(self, regatta: Regatta, registries: Sides) -> None:
        images.push(images.image("app"), registries[0], "team/app", "v1")
        declare(regatta, registries)
        supervisor = regatta.start_worker()
        members = workers_of(supervisor)
        sentinel = next(process for process in members if process.parent == members[0].pid)

        os.kill(sentinel.pid, signal.SIGKILL)

        assert left_over(members) == []
        assert regatta.trigger(RULE)["status"] == "succeeded"
        assert end(supervisor, signal.SIGTERM) == (0, [])

    def test_waits_for_migrations(self, regatta: Regatta) -> None:
        regatta.manage("migrate", "syncjobs", "zero", "--verbosity", "0")
        supervisor = regatta.start_worker()
        supervisor.wait_until(lambda: "manage.py migrate" in supervisor.log_path.read_text())
        assert len(family(supervisor.pid)) == 1

        regatta.manage("migrate", "--verbosity", "0")
        workers_of(supervisor)
        assert end(supervisor, signal.SIGTERM) == (0, [])


class TestLostWorker:
    def test_is_replaced_and_its_job_is_done_once_the_lease_is_over(
        self, regatta: Regatta, registries: Sides
    ) -> None:
        source, target = registries
        gate = hold_download(source)
        declare(regatta, registries)
        supervisor = regatta.start_worker()
        regatta.manage("trigger_rule", RULE)
        gate.wait_until_reached()

        os.kill(busy_worker(regatta), signal.SIGKILL)

        supervisor.wait_until(
            lambda: target.tags("team/held") == source.tags("team/held"), timeout_seconds=55
        )
        assert end(supervisor, signal.SIGTERM) == (0, [])
        (execution,) = regatta.manage_json("list_executions")
        assert (execution["status"], execution["tags"]["copied"]) == ("succeeded", 1)


class TestGracePeriod:
    def test_ends_hard_with_code_1_and_nobody_left(self, registries: Sides) -> None:
        gate = hold_download(registries[0])
        with Regatta({"REGATTA_WORKER_GRACE_SECONDS": "1"}) as regatta:
            declare(regatta, registries)
            supervisor = regatta.start_worker()
            regatta.manage("trigger_rule", RULE)
            gate.wait_until_reached()

            assert end(supervisor, signal.SIGTERM) == (1, [])
            assert regatta.manage_json("list_executions")[0]["status"] == "running"


class TestServe:
    def test_answers_works_and_ends_with_code_0_and_nobody_left(
        self, regatta: Regatta, registries: Sides
    ) -> None:
        images.push(images.image("app"), registries[0], "team/app", "v1")
        declare(regatta, registries)
        server = regatta.start_serve()

        assert regatta.trigger(RULE)["status"] == "succeeded"
        assert httpx.get(f"{regatta.url}/readyz").status_code == 200

        assert end(server, signal.SIGTERM) == (0, [])
        assert not is_listening(regatta.port)

    def test_leaves_nobody_and_a_free_port_when_it_is_killed(self, regatta: Regatta) -> None:
        server = regatta.start_serve()
        workers_of(server)
        assert end(server, signal.SIGKILL) == (-signal.SIGKILL, [])
        assert not is_listening(regatta.port)

    def test_ends_with_code_1_and_nobody_left_when_its_web_server_dies(self, regatta: Regatta) -> None:
        server = regatta.start_serve()
        members = family(server.pid)
        web = next(process for process in members if "granian" in process.command)

        os.kill(web.pid, signal.SIGKILL)

        assert (server.wait(30), left_over(members)) == (1, [])
        assert not is_listening(regatta.port)

    def test_may_be_started_in_any_directory(self, regatta: Regatta) -> None:
        server = Child(
            [sys.executable, ROOT / "manage.py", "serve", "--no-migrate"],
            log_path=regatta.directory / "elsewhere.log",
            environment=regatta.environment,
            directory=regatta.directory,
        )
        try:
            server.wait_until(lambda: is_listening(regatta.port))
            workers_of(server)
            assert httpx.get(f"{regatta.url}/healthz").status_code == 200
            assert end(server, signal.SIGTERM) == (0, [])
        finally:
            server.stop()
