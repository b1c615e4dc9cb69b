"""`manage.py replicas` as an operator and a program see it."""

import time

import pytest
from django.utils import timezone

from registries.models import Edition, Replica, ReplicaStatus
from syncjobs.models import DriftReport, Execution, Trigger
from syncjobs.services import replica_endings
from syncjobs.states import Status
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def primary():
    factories.make_backend(region=factories.make_region("ap-shanghai"))
    return factories.make_instance(name="primary", edition=Edition.PREMIUM)


@pytest.fixture
def replica(primary):
    return factories.make_replica(primary=primary)


class TestList:
    def test_shows_replicas_with_what_the_last_check_found(self, run, replica):
        DriftReport.objects.create(replica=replica, checked_at=timezone.now(), missing_count=2)
        result = run("replicas", "list")
        assert result.code == 0
        head, row = result.output.splitlines()
        assert head.split()[:3] == ["REPLICA", "PRIMARY", "REGION"]
        assert row.startswith(replica.replica_id)
        assert row.split()[-1] == "2"

    def test_narrows_to_one_instance(self, run, replica):
        other = factories.make_instance(name="other")
        assert run("replicas", "list", "other").output == "There are no replicas.\n"
        assert other.name not in run("replicas", "list").output

    def test_prints_json_with_the_prefix_in_the_address_only_and_no_backend(self, run, replica):
        result = run("replicas", "list", "primary", "--json")
        (document,) = result.document
        assert (document["replica_id"], document["status"]) == (replica.replica_id, "Running")
        assert document["address"] == replica.address
        assert replica.prefix not in result.output.replace(replica.address, "")
        assert replica.backend.code not in result.output


class TestCreate:
    def test_deploys_the_replica(self, run, primary):
        result = run("replicas", "create", "primary", "ap-shanghai", "--json")
        replica = Replica.objects.get()
        assert (result.code, result.document["status"]) == (0, "Deploying")
        assert result.document["replica_id"] == replica.replica_id
        assert Execution.objects.get().trigger == Trigger.BACKFILL

    def test_refuses_an_unknown_region(self, run, primary):
        result = run("replicas", "create", "primary", "mars")
        assert (result.code, "There is no region “mars”." in result.errors) == (2, True)
        assert not Replica.objects.exists()


class TestDelete:
    def test_marks_the_replica_and_refuses_to_do_so_twice(self, run, replica):
        assert run("replicas", "delete", replica.replica_id).output == f"{replica.replica_id}: Deleting\n"
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DELETING
        result = run("replicas", "delete", replica.replica_id)
        assert (result.code, "being deleted already" in result.errors) == (2, True)

    def test_tells_how_the_removal_ended_if_it_is_waited_for(self, run, replica, monkeypatch):
        def remove(_seconds):
            removal = Execution.objects.filter(trigger=Trigger.REMOVAL)
            removal.update(status=Status.RUNNING)
            removal.update(status=Status.SUCCEEDED, finished_at=timezone.now())
            replica_endings.conclude(removal.get().pk, now=timezone.now())

        monkeypatch.setattr(time, "sleep", remove)
        result = run("replicas", "delete", replica.replica_id, "--wait")
        assert result.code == 0
        assert result.output.startswith(
            f"Task {Execution.objects.get().pk}: succeeded. The replica's content"
        )
        assert "0 tags and 0 manifests were deleted." in result.output

    def test_fails_with_one_if_the_removal_has_not_finished_in_time(self, run, replica):
        result = run("replicas", "delete", replica.replica_id, "--wait", "--timeout", "0", "--json")
        assert (result.code, result.document["status"]) == (1, "pending")
        assert result.document["replica"] == replica.replica_id

    def test_refuses_an_unknown_id(self, run):
        result = run("replicas", "delete", "tcr-aaaaaaaa-4-bbbbbb")
        assert (result.code, "There is no such replica" in result.errors) == (2, True)


class TestCheckAndRepair:
    @pytest.mark.parametrize(("act", "trigger"), [("check", Trigger.DRIFT), ("repair", Trigger.REPAIR)])
    def test_starts_it(self, run, replica, act, trigger):
        result = run("replicas", act, replica.replica_id, "--json")
        assert (result.code, result.document["trigger"]) == (0, trigger)
        assert Execution.objects.get().status == Status.PENDING

    def test_fails_with_one_if_it_has_not_finished_in_time(self, run, replica):
        result = run("replicas", "check", replica.replica_id, "--wait", "--timeout", "0")
        assert result.code == 1
        assert "has not finished after 0 seconds" in result.errors

    def test_refuses_a_second_one_at_a_time(self, run, replica):
        run("replicas", "repair", replica.replica_id)
        result = run("replicas", "repair", replica.replica_id)
        assert (result.code, "has not finished" in result.errors) == (2, True)
