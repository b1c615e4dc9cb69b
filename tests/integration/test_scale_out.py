"""Two `manage.py worker` on one PostgreSQL share an execution, and nothing is done twice."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import psycopg
import pytest

from tests.fakes import images
from tests.fakes.registry import FakeRegistry
from tests.servers.postgres import Postgres
from tests.servers.process_tree import family, survivors
from tests.servers.processes import Child
from tests.servers.regatta import Regatta

REPOSITORIES = 160
RULE = "source/everything"
WORKERS = 2
DEADLINE_SECONDS = 90

Sides = tuple[FakeRegistry, FakeRegistry]


@pytest.fixture
def sides() -> Iterator[Sides]:
    with FakeRegistry(latency_seconds=0.1) as source, FakeRegistry(latency_seconds=0.1) as target:
        for number in range(REPOSITORIES):
            images.push(images.image(number), source, f"team/app{number}", "v1")
        yield source, target


@pytest.fixture
def server() -> Iterator[Postgres]:
    with Postgres() as server:
        yield server


@pytest.fixture
def regatta(server: Postgres, sides: Sides) -> Iterator[Regatta]:
    place = 'account: "100000000001", edition: standard, region: ap-guangzhou'
    with Regatta({"REGATTA_DATABASE_URL": server.url}) as installation:
        installation.apply(
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
        yield installation


def wait_for_all(server: Postgres, workers: list[Child]) -> None:
    """Wait until both supervisors have signed in and their clusters are complete."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while len([worker for worker in workers if len(family(worker.pid)) >= 1 + 4 + WORKERS]) < len(workers):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def watch_to_the_end(server: Postgres) -> tuple[str, dict[int, set[int]]]:
    """Return the status of the execution, and which jobs each cluster was seen to hold."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    holders: dict[int, set[int]] = {}
    with psycopg.connect(server.url, autocommit=True) as connection:
        while time.monotonic() < deadline:
            rows = connection.execute(
                "SELECT worker.name, job.id FROM syncjobs_job job"
                " JOIN syncjobs_worker worker ON worker.token = job.lease_token"
            )
            for name, job_id in rows:
                holders.setdefault(int(name.split(":")[-2]), set()).add(job_id)
            done = connection.execute(
                "SELECT status FROM syncjobs_execution WHERE finished_at IS NOT NULL"
            ).fetchone()
            if done:
                return done[0], holders
            time.sleep(0.02)
    raise AssertionError("the execution did not end")


class TestTwoWorkers:
    def test_share_one_execution_and_do_nothing_twice(
        self, regatta: Regatta, server: Postgres, sides: Sides
    ) -> None:
        source, target = sides
        workers = [regatta.start_worker(), regatta.start_worker()]
        wait_for_all(server, workers)
        source.clear_log()
        regatta.manage("trigger_rule", RULE)

        status, holders = watch_to_the_end(server)

        assert status == "succeeded"
        assert len(holders) == 2
        assert not set.intersection(*holders.values())
        names = source.repositories()
        assert {name: target.tags(name) for name in names} == {name: source.tags(name) for name in names}
        downloads = Counter(request.path for request in source.requests if "/blobs/" in request.path)
        assert set(downloads.values()) == {1}
        pushes = Counter(
            request.path
            for request in target.requests
            if request.method == "PUT" and "/manifests/" in request.path
        )
        assert set(pushes.values()) == {1}
        assert len(pushes) == REPOSITORIES

    def test_one_takes_over_when_the_other_is_told_to_end(
        self, regatta: Regatta, server: Postgres, sides: Sides
    ) -> None:
        workers = [regatta.start_worker(), regatta.start_worker()]
        wait_for_all(server, workers)
        regatta.manage("trigger_rule", RULE)
        members = family(workers[0].pid)
        workers[0].stop()

        status, _holders = watch_to_the_end(server)

        assert status == "succeeded"
        assert survivors(members) == []
        assert all(sides[1].tags(name) == sides[0].tags(name) for name in sides[0].repositories())
