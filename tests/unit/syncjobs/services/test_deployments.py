"""Deploying and removing replicas as one act, and that nothing else writes into one."""

import pytest
from django.utils import timezone

from registries.models import Edition, Replica, ReplicaStatus
from registries.policies import ReplicaRefused
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from syncjobs.forms import RuleForm
from syncjobs.models import Execution, Job, Trigger
from syncjobs.queries import create_tasks
from syncjobs.services import deployments
from tests import factories

pytestmark = pytest.mark.django_db

NOW = timezone.now()


@pytest.fixture
def primary():
    return factories.make_instance(edition=Edition.PREMIUM)


@pytest.fixture
def shanghai():
    return factories.make_backend(region=factories.make_region("ap-shanghai")).region


class TestDeploy:
    def test_creates_the_replica_with_its_back_fill(self, primary, shanghai):
        replica = deployments.deploy(primary=primary, region=shanghai, by=None, now=NOW)
        run = Execution.objects.get()
        assert (run.replica, run.trigger, run.source) == (replica, Trigger.BACKFILL, primary)
        assert Job.objects.filter(execution=run).count() == 1

    def test_leaves_nothing_behind_when_it_is_refused(self, primary):
        with pytest.raises(ReplicaRefused):
            deployments.deploy(primary=primary, region=primary.region, by=None, now=NOW)
        assert not Replica.objects.exists()
        assert not Execution.objects.exists()

    def test_leaves_nothing_behind_when_the_back_fill_cannot_be_opened(self, primary, shanghai, monkeypatch):
        def fail(**_):
            raise RuntimeError("at the very end")

        monkeypatch.setattr("syncjobs.services.replication.open_backfill", fail)
        with pytest.raises(RuntimeError):
            deployments.deploy(primary=primary, region=shanghai, by=None, now=NOW)
        assert not Replica.objects.exists()


class TestRemove:
    def test_marks_the_replica_and_opens_its_removal(self, primary, shanghai):
        replica = deployments.deploy(primary=primary, region=shanghai, by=None, now=NOW)
        deployments.remove(replica=replica, by=None, now=NOW)
        replica.refresh_from_db()
        assert replica.status == ReplicaStatus.DELETING
        assert Execution.objects.filter(trigger=Trigger.REMOVAL).count() == 1


class TestCreateTasks:
    def statuses(self, replica):
        return [(task.name, task.status) for task in create_tasks.list_tasks(replica)]

    @pytest.mark.parametrize(
        ("status", "word"),
        [("pending", "PENDING"), ("running", "RUNNING"), ("failed", "FAILED"), ("stopped", "FAILED")],
    )
    def test_show_how_far_the_back_fill_is(self, status, word):
        replica = factories.make_replica(status="Deploying")
        run = factories.make_execution(replica=replica, trigger=Trigger.BACKFILL, status=status)
        assert self.statuses(replica) == [
            ("SyncDBTask", "SUCCESS"),
            ("CreateTcrCrdTask", "SUCCESS"),
            ("BackfillTask", word),
        ]
        tasks = create_tasks.list_tasks(replica)
        assert create_tasks.overall(tasks) == word
        assert (tasks[2].execution, tasks[2].began_at) == (run, run.started_at)

    def test_are_all_done_once_the_replica_runs_even_by_a_later_scan(self):
        replica = factories.make_replica(running_since=NOW)
        factories.make_execution(replica=replica, trigger=Trigger.BACKFILL, status="failed")
        tasks = create_tasks.list_tasks(replica)
        assert create_tasks.overall(tasks) == "SUCCESS"
        assert tasks[2].ended_at == NOW

    def test_wait_for_a_back_fill_that_is_not_there(self):
        assert self.statuses(factories.make_replica(status="Deploying"))[2] == ("BackfillTask", "PENDING")


class TestReadOnly:
    def test_a_rule_cannot_copy_into_a_replica(self, primary):
        replica = factories.make_replica(primary=primary)
        data = {"name": "into", "namespace": "project", "target": replica.replica_id}
        form = RuleForm(data, source=primary, by=None)
        assert "target" in form.errors

    def test_nor_can_a_rule_of_another_account(self, primary):
        replica = factories.make_replica(primary=primary)
        data = {
            "name": "into",
            "namespace": "project",
            "is_cross_tenant": True,
            "target_instance_id": replica.replica_id,
            "target_username": primary.account.uin,
            "target_password": factories.PASSWORD,
        }
        assert "target_instance_id" in RuleForm(data, source=factories.make_instance(), by=None).errors

    def test_a_credential_of_the_primary_does_not_push_to_its_replica(self, primary):
        replica = factories.make_replica(primary=primary)
        factories.make_access_credential(instance=primary)
        with pytest.raises(CredentialRejected):
            access_credentials.verify_push(
                instance_id=replica.replica_id,
                username=primary.account.uin,
                secret=factories.PASSWORD,
                namespace="project",
                now=NOW,
            )
