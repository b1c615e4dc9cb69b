"""Instances and regions through the cloud API."""

import pytest

from registries.models import Edition, Health, Instance
from tests import factories
from tests.unit.console.cloud.calling import Refused

pytestmark = pytest.mark.django_db


def refusal(act, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


class TestCheckInstance:
    def test_knows_the_accounts_own(self, call, source):
        answer = call("CheckInstance", RegistryId=source.instance_id)
        assert answer == {"IsValidated": True, "RegionId": 1}

    def test_tells_nothing_of_others(self, call):
        foreign = factories.make_instance()
        for instance_id in (foreign.instance_id, "tcr-00000000", ""):
            assert call("CheckInstance", RegistryId=instance_id) == {"IsValidated": False, "RegionId": 0}


class TestCheckInstanceName:
    @pytest.mark.parametrize(
        ("name", "code"), [("free-name", 0), ("No", 1), ("-abcde", 1), ("source-one", 3)]
    )
    def test_tells_what_is_wrong_with_it(self, call, source, name, code):
        answer = call("CheckInstanceName", RegistryName=name)
        assert answer == {"IsValidated": not code, "DetailCode": code}


class TestCreateInstance:
    @pytest.fixture
    def backend(self):
        return factories.make_backend(region=factories.make_region("ap-guangzhou"))

    @pytest.fixture
    def create(self, call, backend):
        call.region = "ap-guangzhou"

        def act(**values):
            asked = {"RegistryName": "new-instance", "RegistryType": "premium"} | values
            return call("CreateInstance", **asked)

        return act

    def test_makes_a_hosted_one_in_the_region_of_the_header(self, create, backend):
        tags = {"ResourceType": "instance", "Tags": []}
        answer = create(DeletionProtection=True, RegistryChargeType=0, TagSpecification=tags, SyncTag=True)
        instance = Instance.objects.get(instance_id=answer["RegistryId"])
        assert (instance.backend, instance.edition, instance.is_deletion_protected) == (
            backend,
            "premium",
            True,
        )

    def test_needs_a_region_with_room(self, call, create):
        call.region = "ap-beijing"
        assert refusal(create).code == "InvalidParameter.UnsupportedRegion"
        call.region = "nowhere"
        assert refusal(create).code == "InvalidParameter.UnsupportedRegion"
        call.region = ""
        assert refusal(create).code == "MissingParameter"

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"RegistryName": "x"}, "InvalidParameter.ErrorRegistryName"),
            ({"RegistryName": "taken-name"}, "InvalidParameter.ErrorNameExists"),
            ({"RegistryType": "huge"}, "InvalidParameter"),
            ({"RegistryChargeType": 1}, "UnsupportedOperation"),
            ({"RegistryChargePrepaid": {"Period": 1, "RenewFlag": 0}}, "UnsupportedOperation"),
            ({"EnableCosMAZ": True}, "UnsupportedOperation"),
            ({"EnableCosVersioning": True}, "UnsupportedOperation"),
            (
                {"TagSpecification": {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}]}},
                "UnsupportedOperation",
            ),
            (
                {"TagSpecification": {"ResourceType": "instance", "Tags": [{"Key": "a", "Value": "b"}] * 11}},
                "InvalidParameter.ErrorTagOverLimit",
            ),
        ],
    )
    def test_refuses_with_the_vendors_codes(self, create, account, values, code):
        factories.make_instance(account=account, name="taken-name")
        assert refusal(create, **values).code == code

    def test_tells_when_the_quota_is_used_up(self, create, settings):
        settings.QUOTAS = {**settings.QUOTAS, "premium": settings.QUOTAS["premium"] | {"instances": 0}}
        assert refusal(create).code == "OperationDenied.QuotaOverLimit"


class TestDescribeInstances:
    def test_tells_of_the_region_of_the_header(self, call, source, target):
        assert call("DescribeInstances")["TotalCount"] == 2
        call.region = "ap-singapore"
        answer = call("DescribeInstances")
        assert [one["RegistryId"] for one in answer["Registries"]] == [target.instance_id]
        assert call("DescribeInstances", AllRegion=True)["TotalCount"] == 2
        call.region = "nowhere"
        assert refusal(call, "DescribeInstances").code == "UnsupportedRegion"

    def test_never_leaves_out_what_clients_dereference(self, call, source):
        [found] = call("DescribeInstances")["Registries"]
        assert found["TagSpecification"] == {"ResourceType": "instance", "Tags": []}
        assert (found["PayMod"], found["ExpiredAt"], found["Status"]) == (0, "", "Running")
        assert found["CreatedAt"].endswith("+08:00")

    def test_is_narrowed_by_ids_and_filters(self, call, source, target):
        def names(**values):
            return [one["RegistryName"] for one in call("DescribeInstances", **values)["Registries"]]

        assert names(Registryids=[target.instance_id]) == ["target-one"]
        assert names(Registryids=["tcr-00000000"]) == []
        assert names(Registryids=[""]) == ["source-one", "target-one"]
        assert names(Filters=[{"Name": "RegistryName", "Values": ["target-one", "x"]}]) == ["target-one"]
        assert names(Filters=[{"Name": "Tags", "Values": ["key:value"]}]) == []
        filters = [{"Name": "Colour", "Values": ["red"]}]
        assert refusal(call, "DescribeInstances", Filters=filters).code == "InvalidParameter"

    def test_cuts_a_limit_that_is_too_high(self, call, source, target):
        assert len(call("DescribeInstances", Limit=200)["Registries"]) == 2
        answer = call("DescribeInstances", Offset=1, Limit=1)
        assert ([one["RegistryName"] for one in answer["Registries"]], answer["TotalCount"]) == (
            ["target-one"],
            2,
        )

    def test_tells_of_a_registry_that_does_not_answer(self, call, source):
        Instance.objects.update(health=Health.UNHEALTHY)
        statuses = call("DescribeInstanceStatus", RegistryIds=[source.instance_id, "tcr-00000000"])
        assert statuses["RegistryStatusSet"] == [
            {"RegistryId": source.instance_id, "Status": "Unhealthy", "Conditions": []}
        ]


class TestModifyInstance:
    def test_raises_the_edition_and_leaves_the_rest(self, call, account):
        instance = factories.make_instance(
            account=account, username="robot", password="of-robot", is_deletion_protected=True
        )
        call("ModifyInstance", RegistryId=instance.instance_id, RegistryType="premium")
        instance.refresh_from_db()
        assert (instance.edition, instance.is_deletion_protected) == ("premium", True)
        assert instance.credential.open_password() == "of-robot"

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"RegistryType": "basic"}, "OperationDenied"),
            ({"RegistryType": "huge"}, "InvalidParameter"),
            ({"EnableCosVersioning": True}, "UnsupportedOperation"),
        ],
    )
    def test_refuses_with_the_vendors_codes(self, call, source, values, code):
        assert refusal(call, "ModifyInstance", RegistryId=source.instance_id, **values).code == code


class TestDeleteInstance:
    def test_deletes(self, call, source):
        call("DeleteInstance", RegistryId=source.instance_id, DeleteBucket=True)
        assert not Instance.objects.exists()

    def test_only_tells_in_a_dry_run(self, call, source):
        call("DeleteInstance", RegistryId=source.instance_id, DryRun=True)
        assert Instance.objects.exists()

    def test_refuses_while_something_depends_on_it(self, call, source):
        Instance.objects.update(is_deletion_protected=True)
        refused = refusal(call, "DeleteInstance", RegistryId=source.instance_id)
        assert refused.code == "OperationDenied"
        Instance.objects.update(is_deletion_protected=False)
        factories.make_replica(primary=source)
        assert refusal(call, "DeleteInstance", RegistryId=source.instance_id, DryRun=True).code == (
            "OperationDenied"
        )


def test_regions_are_the_vendors(call):
    regions = {one["RegionName"]: one for one in call("DescribeRegions")["Regions"]}
    assert (regions["ap-guangzhou"]["RegionId"], regions["ap-guangzhou"]["Alias"]) == (1, "gz")
    assert regions["sa-saopaulo"]["RegionId"] == 74


def test_a_basic_instance_has_no_replicas_and_says_so(call, account):
    basic = factories.make_instance(account=account, edition=Edition.BASIC)
    answer = call("DescribeReplicationInstances", RegistryId=basic.instance_id)
    assert answer == {"TotalCount": 0, "ReplicationRegistries": []}
