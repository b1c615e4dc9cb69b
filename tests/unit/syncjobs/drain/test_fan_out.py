"""Several replicas of one primary in one drain: the primary is read once, and the slow hold up nobody."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from django.db import connections, transaction
from django.utils import timezone

from registries.models import Instance, Replica, ReplicaStatus
from syncjobs import tasks
from syncjobs.drain import turns
from syncjobs.models import Execution, Job, Queue, Trigger
from syncjobs.services import intake, replication
from syncjobs.states import Status
from tests.factories import (
    make_backend,
    make_execution,
    make_hosted_instance,
    make_job,
    make_replica,
    make_rule,
)
from tests.fakes import images
from tests.fakes.artifacts import OCI_LAYER
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.unit.syncjobs.services.events import push

pytestmark = pytest.mark.django_db(transaction=True)

MEBIBYTE = 1024 * 1024


@pytest.fixture
def primary_registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def backends() -> Iterator[list[FakeRegistry]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FakeRegistry()) for _ in range(3)]


@pytest.fixture
def primary(primary_registry: FakeRegistry) -> Instance:
    backend = make_backend(endpoint_url=primary_registry.url)
    return make_hosted_instance(backend=backend, prefix="hosted", edition="premium")


@pytest.fixture
def replicas(primary: Instance, backends: list[FakeRegistry]) -> list[Replica]:
    return [
        make_replica(
            primary=primary,
            backend=make_backend(endpoint_url=registry.url),
            prefix="mirror",
            status=ReplicaStatus.RUNNING,
        )
        for registry in backends
    ]


def put(registry: FakeRegistry, repository: str, tag: str, *sizes: int) -> None:
    name = f"hosted/{repository}"
    layers = [
        {"mediaType": OCI_LAYER, "digest": registry.put_synthetic_blob(name, size, size), "size": size}
        for size in sizes
    ]
    images.push(images.image(f"{repository}{tag}", layers=0, extra_layers=layers), registry, name, tag)


def blob_bytes_read(registry: FakeRegistry) -> int:
    return sum(request.response_bytes for request in registry.requests if "/blobs/" in request.path)


def unique_bytes(registry: FakeRegistry) -> int:
    blobs = {
        digest: size for name in registry.repositories() for digest, size in registry.blobs(name).items()
    }
    return sum(blobs.values())


class TestFanOut:
    def test_of_a_back_fill_reads_the_primary_once(self, replicas, primary_registry, backends):
        for number in range(4):
            put(primary_registry, f"team/app{number}", "v1", 4 * MEBIBYTE, 300_000 + number)
            put(primary_registry, f"team/app{number}", "v2", 4 * MEBIBYTE, 1_500_000 + number)
        for replica in replicas:
            replication.open_backfill(replica=replica, by=None, now=timezone.now())

        tasks.drain()

        assert {one.status for one in Execution.objects.all()} == {Status.SUCCEEDED}
        for registry in backends:
            assert registry.tags("mirror/team/app3") == primary_registry.tags("hosted/team/app3")
        assert blob_bytes_read(primary_registry) <= 1.1 * unique_bytes(primary_registry)

    def test_of_a_push_reads_the_primary_once(self, replicas, primary, primary_registry, backends):
        put(primary_registry, "team/app", "v1", 6 * MEBIBYTE, 100_000)
        intake.receive(instance=primary, notices=[push("team/app:v1")], now=timezone.now())
        intake.handle(instance_pk=primary.pk, now=timezone.now())

        tasks.drain()

        assert all(set(registry.tags("mirror/team/app")) == {"v1"} for registry in backends)
        assert blob_bytes_read(primary_registry) <= 1.1 * unique_bytes(primary_registry)

    def test_is_not_held_up_by_a_replica_that_hangs(self, replicas, primary, primary_registry, backends):
        gate = Gate()
        backends[2].fault(Fault(path="/v2/", gate=gate, times=None))
        for number in range(3):
            put(primary_registry, f"team/app{number}", "v1", 2 * MEBIBYTE)
        notices = [push(f"team/app{number}:v1") for number in range(3)]
        intake.receive(instance=primary, notices=notices, now=timezone.now())
        intake.handle(instance_pk=primary.pk, now=timezone.now())
        arrived: list[bool] = []

        def wait_and_open() -> None:
            deadline = time.monotonic() + 20
            while time.monotonic() < deadline and not all(
                registry.tags(f"mirror/team/app{number}") for registry in backends[:2] for number in range(3)
            ):
                time.sleep(0.05)
            arrived.append(time.monotonic() < deadline)
            gate.open()

        watcher = threading.Thread(target=wait_and_open)
        watcher.start()
        try:
            tasks.drain()
        finally:
            watcher.join()
            connections.close_all()
        assert arrived == [True]
        assert backends[2].tags("mirror/team/app0")


@transaction.atomic
def lock_due(queue: Queue, room: int, now: datetime, token: str = "") -> list[int]:
    return turns.lock_due(queue, room, now, token)


class TestTurns:
    @pytest.fixture
    def executions(self, replicas) -> list[Execution]:
        made = [make_execution(replica=replica, trigger=Trigger.BACKFILL) for replica in replicas]
        for number in range(30):
            for execution in made:
                name = f"team/app{number:02}"
                make_job(execution=execution, source_repository=name, target_repository=name)
        return made

    def test_takes_the_same_repository_for_all_replicas(self, executions):
        # One replica has already done the first ten.
        executions[0].jobs.filter(source_repository__lt="team/app10").delete()
        taken = Job.objects.filter(pk__in=lock_due(Queue.BULK, 30, timezone.now()))
        of_first = set(taken.filter(execution=executions[0]).values_list("source_repository", flat=True))
        others = taken.exclude(execution=executions[0])
        for execution in executions[1:]:
            assert of_first <= set(
                others.filter(execution=execution).values_list("source_repository", flat=True)
            )
        assert 20 <= len(taken) <= 40

    def test_leaves_scans_to_the_worker_that_has_the_other_replicas(self, executions):
        now = timezone.now()
        job = executions[0].jobs.first()
        Job.objects.filter(pk=job.pk).update(
            status=Status.RUNNING, lease_token="other", lease_until=now + timedelta(seconds=30)
        )
        assert lock_due(Queue.BULK, 30, now, "mine") == []
        assert not turns.has_due(now, "mine")
        assert turns.has_due(now, "other")
        assert 30 <= len(lock_due(Queue.BULK, 30, now, "other")) <= 32
        later = now + timedelta(seconds=4)
        assert 30 <= len(lock_due(Queue.BULK, 30, later, "mine")) <= 32

    def test_leaves_no_push_to_another_worker(self, executions):
        now = timezone.now()
        Job.objects.filter(pk=executions[0].jobs.first().pk).update(
            status=Status.RUNNING, lease_token="other", lease_until=now + timedelta(seconds=30)
        )
        pushed = make_execution(replica=executions[1].replica, trigger=Trigger.PUSH)
        job = make_job(execution=pushed, queue=Queue.INTERACTIVE, tags=["v1"])
        assert lock_due(Queue.INTERACTIVE, 30, timezone.now(), "mine") == [job.pk]

    def test_lets_no_replica_hold_all_slots(self, replicas):
        now = timezone.now()
        pushed = make_execution(replica=replicas[0], trigger=Trigger.PUSH)
        for _ in range(40):
            make_job(execution=pushed, queue=Queue.INTERACTIVE, tags=["v1"])
        taken = lock_due(Queue.INTERACTIVE, 64, timezone.now())
        assert len(taken) == turns.REPLICA_JOBS
        Job.objects.filter(pk__in=taken).update(
            status=Status.RUNNING, lease_token="mine", lease_until=now + timedelta(seconds=30)
        )
        assert not turns.has_due(timezone.now())
        make_job(execution=make_execution(rule=make_rule()), queue=Queue.INTERACTIVE)
        assert turns.has_due(timezone.now())
