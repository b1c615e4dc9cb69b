"""The logs of rules and replicas through the cloud API."""

from datetime import timedelta

import pytest
from django.utils import timezone

from registries.models import Edition, Replica
from syncjobs.models import Job, Trigger
from syncjobs.states import Status
from tests import factories
from tests.unit.console.cloud.calling import Refused

pytestmark = pytest.mark.django_db


@pytest.fixture
def rule(source, target):
    return factories.make_rule(source=source, target=target)


class TestDescribeReplicationExecutions:
    def test_tells_the_newest_first_in_the_engines_words(self, call, rule):
        for status in Status:
            factories.make_execution(
                rule=rule,
                status=status,
                trigger=Trigger.PUSH,
                repository_count=3,
                succeeded_repository_count=2,
            )
        answer = call("DescribeReplicationExecutions", RegistryId=rule.source.instance_id, PolicyId=rule.pk)
        listed = answer["ReplicationExecutionList"]
        assert [one["Status"] for one in listed] == [
            "Stopped",
            "Failed",
            "Succeed",
            "InProgress",
            "InProgress",
        ]
        assert (listed[0]["Total"], listed[0]["Succeed"], listed[0]["PolicyID"]) == (3, 2, rule.pk)
        assert listed[0]["EndTime"].endswith("Z")
        assert listed[-1]["EndTime"] is None

    def test_is_of_a_rule_a_replica_or_the_whole_instance(self, call, rule, source):
        factories.make_execution(rule=rule)
        factories.make_execution(rule=factories.make_rule(source=source))
        replica = factories.make_replica(primary=source)
        factories.make_execution(replica=replica, replica_name=replica.replica_id, trigger=Trigger.BACKFILL)
        place = {"RegistryId": source.instance_id}

        def count(**values) -> int:
            return int(call("DescribeReplicationExecutions", **place, **values)["TotalCount"])

        assert count() == 3
        assert count(PolicyId=rule.pk) == 1
        assert count(PolicyId=0, ReplicationInstanceId=replica.replica_id) == 1
        replica.delete()
        assert count(ReplicationInstanceId=replica.replica_id) == 1

    @pytest.mark.parametrize("values", [{"PolicyId": 987_654}, {"ReplicationInstanceId": "tcr-x"}])
    def test_refuses_what_is_not_of_the_instance(self, call, source, values):
        factories.make_execution()
        with pytest.raises(Refused, match="ResourceNotFound"):
            call("DescribeReplicationExecutions", RegistryId=source.instance_id, **values)


class TestDescribeReplicationTasks:
    def test_tells_repositories_with_their_tags(self, call, rule):
        execution = factories.make_execution(rule=rule, status=Status.SUCCEEDED)

        def make(repository: str, **counts):
            return factories.make_job(
                execution=execution,
                status=Status.SUCCEEDED,
                source_repository=repository,
                target_repository=repository,
                **counts,
            )

        factories.make_outcome(job=make("team/one", copied_count=1), tag="5g")
        factories.make_outcome(job=make("team/many", copied_count=1, up_to_date_count=2), tag="v1")
        make("team/same", up_to_date_count=2)
        make("team/none")
        answer = call(
            "DescribeReplicationTasks", RegistryId=rule.source.instance_id, ExecutionId=execution.pk
        )
        listed = answer["ReplicationTaskList"]
        assert [one["SrcResource"] for one in listed] == [
            "team/one:[5g]",
            "team/many:[v1 ... 3 in total]",
            "team/same:[* ... 2 in total]",
            "team/none",
        ]
        assert {one["Status"] for one in listed} == {"Succeed"}
        assert all(len(one["JobID"]) == 24 for one in listed)
        assert answer["TotalCount"] == 4

    def test_refuses_an_execution_of_another_instance(self, call, source):
        foreign = factories.make_execution()
        with pytest.raises(Refused, match="ResourceNotFound"):
            call("DescribeReplicationTasks", RegistryId=source.instance_id, ExecutionId=foreign.pk)


class TestReplicas:
    def test_log_is_one_object_or_null_and_never_an_array(self, call, source):
        replica = factories.make_replica(primary=source)
        values = {
            "RegistryId": source.instance_id,
            "ReplicationRegistryId": replica.replica_id,
            "ShowReplicationLog": True,
        }
        answer = call("DescribeReplicationInstanceSyncStatus", **values)
        assert answer == {
            "ReplicationStatus": "StatusUnKnow",
            "ReplicationTime": "0001-01-01T00:00:00Z",
            "ReplicationLog": None,
        }
        execution = factories.make_execution(
            replica=replica,
            replica_name=replica.replica_id,
            trigger=Trigger.PUSH,
            status=Status.FAILED,
        )
        for repository in ("team/old", "team/new"):
            factories.make_job(execution=execution, status=Status.FAILED, source_repository=repository)
        answer = call("DescribeReplicationInstanceSyncStatus", **values)
        assert (answer["ReplicationStatus"], answer["ReplicationLog"]["Source"]) == ("Failed", "team/new")
        answer = call("DescribeReplicationInstanceSyncStatus", Offset=1, **values)
        assert answer["ReplicationLog"]["Source"] == "team/old"

    def test_create_tasks_are_told(self, call, source):
        replica = factories.make_replica(primary=source)
        answer = call(
            "DescribeReplicationInstanceCreateTasks",
            ReplicationRegistryId=replica.replica_id,
            ReplicationRegionId=replica.region.numeric_id,
        )
        assert [one["TaskName"] for one in answer["TaskDetail"]][:2] == ["SyncDBTask", "CreateTcrCrdTask"]

    def test_of_other_accounts_do_not_exist(self, call, source):
        foreign = factories.make_replica()
        place = {"ReplicationRegistryId": foreign.replica_id, "ReplicationRegionId": 4}
        for action, values in [
            ("DescribeReplicationInstanceCreateTasks", {}),
            ("DescribeReplicationInstanceSyncStatus", {"RegistryId": source.instance_id}),
            ("DeleteReplicationInstance", {"RegistryId": source.instance_id}),
        ]:
            with pytest.raises(Refused, match="ResourceNotFound"):
                call(action, **place, **values)

    @pytest.fixture
    def away(self):
        region = factories.make_region("ap-shanghai")
        return factories.make_backend(region=region)

    def test_are_deploying_at_once_and_deleting_at_once(self, call, source, away):
        values = {"RegistryId": source.instance_id, "ReplicationRegionId": 4, "SyncTag": True}
        replica_id = call("CreateReplicationInstance", **values)["ReplicationRegistryId"]

        def statuses() -> list[str]:
            listed = call("DescribeReplicationInstances", RegistryId=source.instance_id, Limit=100)
            return [one["Status"] for one in listed["ReplicationRegistries"]]

        assert statuses() == ["Deploying"]
        Replica.objects.update(status="Running", running_since=timezone.now())
        assert statuses() == ["Deploying"]
        Replica.objects.update(created_at=timezone.now() - timedelta(seconds=4))
        assert statuses() == ["Running"]
        place = values | {"ReplicationRegistryId": replica_id}
        del place["SyncTag"]
        with pytest.raises(Refused, match="InvalidParameter"):
            call("DeleteReplicationInstance", **place | {"ReplicationRegionId": 1})
        call("DeleteReplicationInstance", **place)
        assert statuses() == ["Deleting"]
        assert Job.objects.get(execution__trigger="removal").not_before > timezone.now()
        with pytest.raises(Refused, match=r"InternalError\.ErrorConflict"):
            call("DeleteReplicationInstance", **place)

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({}, "MissingParameter"),
            ({"ReplicationRegionId": 1}, "FailedOperation"),
            ({"ReplicationRegionName": "ap-guangzhou"}, "FailedOperation"),
            ({"ReplicationRegionId": 9}, "InvalidParameter.UnsupportedRegion"),
            ({"ReplicationRegionId": 33}, "InvalidParameter.UnsupportedRegion"),
            ({"ReplicationRegionId": 987_654}, "InvalidParameter.UnsupportedRegion"),
            (
                {"ReplicationRegionId": 4, "ReplicationRegionName": "ap-beijing"},
                "InvalidParameter.UnsupportedRegion",
            ),
        ],
    )
    def test_are_refused_with_the_vendors_codes(self, call, source, away, values, code):
        with pytest.raises(Refused) as caught:
            call("CreateReplicationInstance", RegistryId=source.instance_id, **values)
        assert caught.value.code == code

    def test_need_the_premium_edition(self, call, account, away):
        standard = factories.make_instance(account=account, edition=Edition.STANDARD)
        with pytest.raises(Refused, match="UnsupportedOperation"):
            call("CreateReplicationInstance", RegistryId=standard.instance_id, ReplicationRegionId=4)

    def test_stand_once_in_a_region(self, call, source, away):
        values = {"RegistryId": source.instance_id, "ReplicationRegionId": 4}
        call("CreateReplicationInstance", **values)
        with pytest.raises(Refused, match=r"InvalidParameter\.ReplicationExists"):
            call("CreateReplicationInstance", **values)
