"""What workers that speak to the same registry divide among them."""

from __future__ import annotations

import asyncio

import pytest
from django.utils import timezone

from registries.services import connections
from syncjobs.drain import ledger
from syncjobs.drain.assignment import Assignment
from syncjobs.drain.clients import ClientPool
from tests.factories import make_job, make_worker


@pytest.fixture
def assignment() -> Assignment:
    make_job()
    (assignment,) = ledger.claim(token="t1", bulk_room=1, interactive_room=1, now=timezone.now())
    assert isinstance(assignment, Assignment)
    return assignment


@pytest.mark.django_db
class TestWorkerCounts:
    def test_counts_living_drains_by_registry(self):
        make_worker(endpoints=["http://a", "http://b"])
        make_worker(endpoints=["http://a"])
        make_worker(is_supervisor=True)
        make_worker(endpoints=["http://a"], heartbeat_at=timezone.now() - ledger.LEASE * 2)
        assert ledger.worker_counts(timezone.now()) == {"http://a": 2, "http://b": 1}


@pytest.mark.django_db
class TestShareLimits:
    def test_divides_the_concurrency_of_a_registry_by_its_workers(self, assignment):
        async def limits() -> list[int]:
            pool = ClientPool(connections.guard())
            pool.note_limits(assignment)
            limiter = pool.client(assignment.target).limiter
            found = [limiter.snapshot().limit]
            for count in (1, 16, 64, 200):
                pool.share_limits({assignment.target.key: count})
                found.append(limiter.snapshot().limit)
            await pool.aclose()
            return found

        assert asyncio.run(limits()) == [8, 8, 4, 1, 1]

    def test_shows_the_registries_of_the_running_drain_only(self, assignment):
        async def addresses() -> list[list[str]]:
            pool = ClientPool(connections.guard())
            pool.client(assignment.source)
            found = [pool.addresses]
            await pool.rest()
            found.append(pool.addresses)
            await pool.aclose()
            return found

        assert asyncio.run(addresses()) == [[assignment.source.key], []]
