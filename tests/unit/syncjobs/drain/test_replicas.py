"""Whole drains for replicas, in this process, between fake registries."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import Instance, Replica, ReplicaStatus
from syncjobs import reasons, tasks
from syncjobs.models import DriftReport, Execution, Job, Outcome, Trigger
from syncjobs.queries import replica_failures, replica_rows
from syncjobs.services import intake, replication
from syncjobs.states import Status
from tests.factories import make_backend, make_hosted_instance, make_instance, make_replica
from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.unit.syncjobs.services.events import delete, push

pytestmark = pytest.mark.django_db(transaction=True)

A_WHILE = timedelta(seconds=3)
"""Longer than a removal is put off, so that everybody sees the replica Deleting."""


@pytest.fixture
def primary_registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def backend_registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def primary(primary_registry: FakeRegistry) -> Instance:
    backend = make_backend(endpoint_url=primary_registry.url)
    return make_hosted_instance(backend=backend, prefix="hosted", edition="premium")


@pytest.fixture
def replica(primary: Instance, backend_registry: FakeRegistry) -> Replica:
    return replica_at(backend_registry, primary, "mirror")


def replica_at(
    registry: FakeRegistry, primary: Instance, prefix: str, status: str = ReplicaStatus.DEPLOYING
) -> Replica:
    backend = make_backend(endpoint_url=registry.url)
    return make_replica(primary=primary, backend=backend, prefix=prefix, status=status)


def fill(registry: FakeRegistry, *places: str) -> None:
    """Push images of their own to `repository:tag` under the primary's prefix."""
    for place in places:
        repository, tag = place.split(":")
        images.push(images.image(place), registry, f"hosted/{repository}", tag)


def finish(execution: Execution) -> Execution:
    tasks.drain()
    execution.refresh_from_db()
    return execution


def backfill(replica: Replica) -> Execution:
    return finish(replication.open_backfill(replica=replica, by=None, now=timezone.now()))


def sweep(replica: Replica) -> Execution:
    Replica.objects.filter(pk=replica.pk).update(next_sweep_at=timezone.now())
    assert replication.start_due_sweeps(now=timezone.now())
    return finish(Execution.objects.filter(replica=replica, trigger=Trigger.SWEEP).latest("pk"))


def repair(replica: Replica) -> Execution:
    return finish(replication.repair(replica=replica, by=None, now=timezone.now()))


def tell(primary: Instance, *notices: intake.Notice) -> None:
    intake.receive(instance=primary, notices=notices, now=timezone.now())
    intake.handle(instance_pk=primary.pk, now=timezone.now())


class TestBackfill:
    def test_brings_everything_and_the_replica_runs(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/app:v1", "team/app:v2", "single:latest")
        images.push(images.image("other"), primary_registry, "other-tenant/app", "v1")

        execution = backfill(replica)

        assert (execution.status, execution.copied_count) == (Status.SUCCEEDED, 3)
        assert (execution.source, execution.replica_name) == (replica.primary, replica.replica_id)
        assert backend_registry.repositories() == ["mirror/single", "mirror/team/app"]
        assert backend_registry.tags("mirror/team/app") == primary_registry.tags("hosted/team/app")
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.RUNNING
        assert replica.running_since is not None

    def test_of_an_empty_primary_succeeds_without_a_reason(self, replica):
        execution = backfill(replica)
        assert (execution.status, execution.reason) == (Status.SUCCEEDED, "")

    def test_that_could_not_copy_a_tag_leaves_the_replica_running_with_the_tag_as_its_failure(
        self, replica, primary_registry, backend_registry
    ):
        fill(primary_registry, "team/app:v1")
        images.push(images.schema1(), primary_registry, "hosted/team/old", "v1")

        execution = backfill(replica)

        assert (execution.status, execution.reason) == (Status.FAILED, "schema1_refused")
        assert list(backend_registry.tags("mirror/team/app")) == ["v1"]
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.RUNNING
        (row,) = replica_rows.list_rows([replica], timezone.now())
        assert row.failure == replica_failures.Failure(execution, 1)
        tell(replica.primary, push("team/app:v1"))
        tasks.drain()
        (row,) = replica_rows.list_rows([replica], timezone.now())
        assert row.failure == replica_failures.Failure(execution, 1)

    def test_that_was_refused_a_repository_leaves_the_replica_deploying(self, replica, primary_registry):
        fill(primary_registry, "team/app:v1", "team/web:v1")
        primary_registry.fault(Fault(path="/v2/hosted/team/app/tags/list", status=403, times=None))
        assert backfill(replica).status == Status.FAILED
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DEPLOYING

    def test_waits_for_a_replica_that_is_away_for_as_long_as_it_takes(
        self, replica, primary_registry, backend_registry
    ):
        fill(primary_registry, "team/app:v1")
        backend_registry.stop()
        execution = backfill(replica)
        assert execution.status == Status.RUNNING
        long_ago = timezone.now() - timedelta(days=400)
        Job.objects.update(not_before=timezone.now(), first_failed_at=long_ago, attempt=5000)

        finish(execution)

        job = Job.objects.get()
        assert (job.status, job.reason, job.reason_side) == (Status.PENDING, "unreachable", "target")
        assert job.not_before < timezone.now() + timedelta(seconds=60)
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DEPLOYING
        backend_registry.start()
        Job.objects.update(not_before=timezone.now())
        assert finish(execution).status == Status.SUCCEEDED

    def test_is_continued_when_its_worker_was_killed(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/app:v1", "team/web:v1")
        execution = replication.open_backfill(replica=replica, by=None, now=timezone.now())
        past = timezone.now() - timedelta(seconds=1)
        Job.objects.update(status=Status.RUNNING, lease_token="dead", lease_until=past, attempt=1)

        assert finish(execution).status == Status.SUCCEEDED
        assert backend_registry.repositories() == ["mirror/team/app", "mirror/team/web"]


class TestPush:
    @pytest.fixture(autouse=True)
    def _filled(self, replica, primary_registry):
        fill(primary_registry, "team/app:v1", "team/app:v2")
        backfill(replica)

    def test_arrives(self, replica, primary, primary_registry, backend_registry):
        fill(primary_registry, "team/new:v3")
        tell(primary, push("team/new:v3"))
        tasks.drain()
        execution = Execution.objects.latest("pk")
        assert (execution.trigger, execution.status, execution.replica) == ("push", Status.SUCCEEDED, replica)
        assert backend_registry.tags("mirror/team/new") == primary_registry.tags("hosted/team/new")

    def test_moves_a_tag(self, primary, primary_registry, backend_registry):
        moved = images.push(images.image("moved"), primary_registry, "hosted/team/app", "v1")
        tell(primary, push("team/app:v1"))
        tasks.drain()
        assert backend_registry.tags("mirror/team/app")["v1"] == moved

    def test_of_a_deletion_deletes(self, primary, primary_registry, backend_registry):
        primary_registry.delete_tag("hosted/team/app", "v1")
        tell(primary, delete("team/app:v1"))
        tasks.drain()
        assert set(backend_registry.tags("mirror/team/app")) == {"v2"}

    def test_of_a_deletion_that_the_primary_does_not_confirm_deletes_nothing(self, primary, backend_registry):
        tell(primary, delete("team/app:v1"))
        tasks.drain()
        assert set(backend_registry.tags("mirror/team/app")) == {"v1", "v2"}

    @pytest.mark.parametrize("is_moved", [True, False], ids=["moved", "deleted"])
    def test_follows_a_tag_that_changes_while_it_is_copied(
        self, primary, primary_registry, backend_registry, is_moved
    ):
        fill(primary_registry, "team/app:v9")
        gate = Gate()
        primary_registry.fault(Fault(method="GET", path="/blobs/", gate=gate, times=None))
        tell(primary, push("team/app:v9"))

        def change() -> None:
            gate.wait_until_reached()
            if is_moved:
                images.push(images.image("moved"), primary_registry, "hosted/team/app", "v9")
            else:
                primary_registry.delete_tag("hosted/team/app", "v9")
            gate.open()

        with ThreadPoolExecutor(1) as executor:
            changed = executor.submit(change)
            tasks.drain()
            changed.result()

        execution = Execution.objects.get(trigger=Trigger.PUSH)
        assert execution.status == Status.SUCCEEDED
        assert (execution.copied_count, execution.deleted_count) == ((1, 0) if is_moved else (0, 1))
        assert backend_registry.tags("mirror/team/app") == primary_registry.tags("hosted/team/app")

    def test_is_not_for_a_replica_that_is_being_deleted(self, replica, primary):
        Replica.objects.update(status=ReplicaStatus.DELETING)
        tell(primary, push("team/app:v1"))
        assert not Execution.objects.filter(trigger=Trigger.PUSH).exists()

    def test_reaches_the_living_while_another_replica_is_dead(
        self, primary, primary_registry, backend_registry
    ):
        with FakeRegistry() as dead:
            replica_at(dead, primary, "dead", ReplicaStatus.RUNNING)
        fill(primary_registry, "team/app:v3")

        tell(primary, push("team/app:v3"))
        tasks.drain()

        assert "v3" in backend_registry.tags("mirror/team/app")
        assert {execution.status for execution in Execution.objects.filter(trigger=Trigger.PUSH)} == {
            Status.SUCCEEDED,
            Status.RUNNING,
        }


class TestSweep:
    @pytest.fixture(autouse=True)
    def _filled(self, replica, primary_registry):
        fill(primary_registry, *(f"team/app:v{number}" for number in range(15)))
        fill(primary_registry, *(f"team/web:v{number}" for number in range(15)))
        backfill(replica)

    def test_brings_moves_and_deletes_what_no_event_told(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/late:v1")
        images.push(images.image("moved"), primary_registry, "hosted/team/app", "v1")
        primary_registry.delete_tag("hosted/team/app", "v2")
        images.push(images.image("stray"), backend_registry, "mirror/stray", "v1")

        execution = sweep(replica)

        assert execution.status == Status.SUCCEEDED
        assert (execution.copied_count, execution.deleted_count) == (2, 2)
        for repository in ("team/app", "team/web", "team/late"):
            assert backend_registry.tags(f"mirror/{repository}") == primary_registry.tags(
                f"hosted/{repository}"
            )
        assert backend_registry.tags("mirror/stray") == {}

    def test_believes_no_empty_catalogue_and_neither_does_a_repair(
        self, replica, primary, primary_registry, backend_registry
    ):
        before = backend_registry.tags("mirror/team/app")
        with FakeRegistry() as empty:
            primary.backend.endpoint_url = empty.url
            primary.backend.save()
            for scan in (sweep, repair):
                execution = scan(replica)
                assert (execution.status, execution.reason) == (Status.FAILED, "mirror_brake_empty")
        assert backend_registry.tags("mirror/team/app") == before

    def test_believes_no_repository_without_tags(self, replica, primary_registry, backend_registry):
        for tag in list(primary_registry.tags("hosted/team/app")):
            primary_registry.delete_tag("hosted/team/app", tag)
        fill(primary_registry, "team/web:v99")

        execution = sweep(replica)

        assert (execution.status, execution.reason) == (Status.FAILED, "mirror_brake_repository")
        assert "team/app" in execution.reason_detail
        assert len(backend_registry.tags("mirror/team/app")) == 15
        assert "v99" in backend_registry.tags("mirror/team/web")

        assert repair(replica).status == Status.SUCCEEDED
        assert backend_registry.tags("mirror/team/app") == {}

    def test_asks_before_it_deletes_more_than_half(self, replica, primary_registry, backend_registry):
        for repository in ("app", "web"):
            for number in range(8):
                primary_registry.delete_tag(f"hosted/team/{repository}", f"v{number}")

        execution = sweep(replica)

        assert (execution.status, execution.reason) == (Status.FAILED, "mirror_brake")
        assert len(backend_registry.tags("mirror/team/app")) == 15

        assert repair(replica).deleted_count == 16
        assert len(backend_registry.tags("mirror/team/app")) == 7

    def test_deletes_nothing_when_a_list_is_refused(self, replica, primary_registry, backend_registry):
        primary_registry.delete_tag("hosted/team/app", "v1")
        primary_registry.fault(Fault(path="/v2/hosted/team/app/tags/list", status=403, times=None))

        execution = sweep(replica)

        assert (execution.status, execution.reason) == (Status.FAILED, "forbidden")
        assert len(backend_registry.tags("mirror/team/app")) == 15


class TestDriftCheck:
    def check(self, replica: Replica) -> DriftReport:
        finish(replication.check_drift(replica=replica, by=None, now=timezone.now()))
        return DriftReport.objects.latest("pk")

    @pytest.fixture(autouse=True)
    def _quick(self, monkeypatch, replica, primary_registry):
        monkeypatch.setattr("syncjobs.drain.comparing._SECOND_LOOK_SECONDS", 0.01)
        fill(primary_registry, "team/app:v1", "team/app:v2", "team/app:v3", "team/web:v1")
        backfill(replica)

    def test_finds_nothing_at_a_healthy_replica(self, replica):
        report = self.check(replica)
        assert (report.compared_count, report.difference_count, report.is_complete) == (4, 0, True)
        assert report.lines == []

    def test_tells_what_is_missing_different_and_surplus(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/app:v4", "team/new:v1")
        images.push(images.image("moved"), backend_registry, "mirror/team/app", "v1")
        images.push(images.image("stray"), backend_registry, "mirror/stray", "v1")

        report = self.check(replica)

        assert (report.missing_count, report.different_count, report.surplus_count) == (2, 1, 1)
        assert {(line["repository"], line["tag"], line["difference"]) for line in report.lines} == {
            ("team/app", "v4", "missing"),
            ("team/new", "v1", "missing"),
            ("team/app", "v1", "different"),
            ("stray", "v1", "surplus"),
        }
        assert repair(replica).status == Status.SUCCEEDED
        assert self.check(replica).difference_count == 0
        assert self.check(replica).compared_count == 6

    def test_that_could_not_look_everywhere_says_so(self, replica, primary_registry):
        primary_registry.fault(Fault(path="/v2/hosted/team/web/tags/list", status=403, times=None))
        assert not self.check(replica).is_complete


class TestRemoval:
    def remove(self, replica: Replica) -> Execution:
        Replica.objects.filter(pk=replica.pk).update(status=ReplicaStatus.DELETING)
        replica.refresh_from_db()
        execution = replication.open_removal(replica=replica, by=None, now=timezone.now() - A_WHILE)
        assert execution is not None
        return finish(execution)

    def test_empties_the_prefix_and_the_replica_is_gone(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/app:v1", "team/app:v2")
        images.push(images.multi_platform(), primary_registry, "hosted/team/app", "multi")
        backfill(replica)
        images.push(images.image("other"), backend_registry, "other/app", "v1")

        execution = self.remove(replica)

        assert (execution.status, execution.reason) == (Status.SUCCEEDED, reasons.REPLICA_REMOVED)
        assert execution.deleted_count == 3
        assert "blobs with" in execution.reason_detail
        assert backend_registry.manifests("mirror/team/app") == set()
        assert backend_registry.tags("mirror/team/app") == {}
        assert len(backend_registry.tags("other/app")) == 1
        assert not Replica.objects.exists()
        assert execution.replica is None
        assert execution.replica_name == replica.replica_id
        assert Execution.objects.count() == 2
        assert Outcome.objects.filter(execution=execution).count() == 3

    def test_is_continued_when_its_worker_was_killed(self, replica, primary_registry, backend_registry):
        fill(primary_registry, "team/app:v1", "team/web:v1")
        backfill(replica)
        Replica.objects.update(status=ReplicaStatus.DELETING)
        replica.refresh_from_db()
        execution = replication.open_removal(replica=replica, by=None, now=timezone.now() - A_WHILE)
        assert execution is not None
        past = timezone.now() - timedelta(seconds=1)
        execution.jobs.update(status=Status.RUNNING, lease_token="dead", lease_until=past, attempt=1)
        for digest in list(backend_registry.manifests("mirror/team/app")):
            backend_registry.delete_manifest("mirror/team/app", digest)

        assert finish(execution).status == Status.SUCCEEDED
        assert not Replica.objects.exists()
        assert backend_registry.manifests("mirror/team/web") == set()

    def test_stops_what_runs_for_the_replica(self, replica, primary_registry):
        fill(primary_registry, "team/app:v1")
        running = replication.open_backfill(replica=replica, by=None, now=timezone.now())
        self.remove(replica)
        running.refresh_from_db()
        assert (running.status, running.reason) == (Status.STOPPED, reasons.REPLICA_DELETED)

    def test_opens_once(self, replica):
        Replica.objects.update(status=ReplicaStatus.DELETING)
        replica.refresh_from_db()
        now = timezone.now()
        assert replication.open_removal(replica=replica, by=None, now=now) is not None
        assert replication.open_removal(replica=replica, by=None, now=now) is None
        assert replication.restart_removals(now=now) == 0


class TestDistribution:
    def test_is_mirrored_and_removed_though_it_deletes_by_digest_only(self, primary, primary_registry):
        with FakeRegistry.like_distribution() as registry:
            replica = replica_at(registry, primary, "mirror")
            fill(primary_registry, "team/app:v1", "team/app:v2")
            images.push(images.multi_platform(), primary_registry, "hosted/team/app", "multi")
            assert backfill(replica).status == Status.SUCCEEDED
            primary_registry.delete_tag("hosted/team/app", "v1")
            assert sweep(replica).deleted_count == 1
            assert set(registry.tags("mirror/team/app")) == {"v2", "multi"}

            Replica.objects.update(status=ReplicaStatus.DELETING)
            replica.refresh_from_db()
            execution = replication.open_removal(replica=replica, by=None, now=timezone.now() - A_WHILE)
            assert execution is not None
            assert finish(execution).status == Status.SUCCEEDED
            assert registry.manifests("mirror/team/app") == set()


class TestConnectedPrimary:
    def test_is_mirrored_as_a_hosted_one(self, primary_registry, backend_registry):
        primary = make_instance(endpoint_url=primary_registry.url, edition="premium")
        replica = replica_at(backend_registry, primary, "mirror")
        fill(primary_registry, "team/app:v1")
        assert backfill(replica).status == Status.SUCCEEDED
        assert backend_registry.repositories() == ["mirror/hosted/team/app"]
