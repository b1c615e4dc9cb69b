"""Rules through the cloud API: the same form, the same services, the vendor's words."""

import pytest

from registries.models import Edition, Permission
from syncjobs.models import Rule
from tests import factories
from tests.unit.console.cloud.calling import Refused, caller_for

pytestmark = pytest.mark.django_db

FILTERS = [
    {"Type": "name", "Value": "team/**"},
    {"Type": "tag", "Value": "release**"},
    {"Type": "resource", "Value": ""},
]


def manage(call, source, target, *, filters=FILTERS, rule=None, **values):
    asked = {"Name": "to-singapore", "DestNamespace": "", "Override": False, "Filters": filters}
    return call(
        "ManageReplication",
        SourceRegistryId=source.instance_id,
        DestinationRegistryId=target.instance_id,
        Rule=asked | (rule or {}),
        **values,
    )


def refusal(act, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


class TestManageReplication:
    def test_creates_a_rule_that_is_on(self, call, source, target, owner):
        assert manage(call, source, target, Description="中文", rule={"Deletion": True}) == {}
        rule = Rule.objects.get()
        assert (rule.name, rule.namespace, rule.repository, rule.tag) == (
            "to-singapore",
            "team",
            "",
            "release**",
        )
        assert (rule.target, rule.description, rule.created_by) == (target, "中文", owner)
        assert rule.is_enabled
        assert rule.is_push_triggered
        assert rule.with_referrers
        assert rule.sync_deletions
        assert not rule.override
        assert not rule.is_flattened

    def test_flattens_with_a_target_namespace_as_the_vendors_engine_does(self, call, source, target):
        manage(call, source, target, rule={"DestNamespace": "mirror"})
        rule = Rule.objects.get()
        assert (rule.target_namespace, rule.is_flattened) == ("mirror", True)

    @pytest.mark.parametrize("value", ["team/**", "team/.*", "team/"])
    def test_understands_everything_in_a_namespace(self, call, source, target, value):
        manage(call, source, target, filters=[{"Type": "name", "Value": value}])
        assert Rule.objects.get().repository == ""

    @pytest.mark.parametrize(
        ("filters", "repository"),
        [
            ([{"Type": "tag", "Value": "v*"}], ""),
            ([], ""),
            ([{"Type": "name", "Value": ""}], ""),
            ([{"Type": "name", "Value": "**"}], ""),
            ([{"Type": "name", "Value": "*/**"}], ""),
            ([{"Type": "name", "Value": "*/app*"}], "app*"),
            ([{"Type": "name", "Value": "**/app"}], "**/app"),
        ],
    )
    def test_understands_all_namespaces(self, call, source, target, filters, repository):
        manage(call, source, target, filters=filters)
        rule = Rule.objects.get()
        assert (rule.namespace, rule.repository) == ("*", repository)
        [policy] = call("DescribeReplicationPolicies", RegistryId=source.instance_id)[
            "ReplicationPolicyInfoList"
        ]
        told = [one["Value"] for one in policy["Filters"] if one["Type"] == "name"]
        assert told == ([f"*/{repository}"] if repository else [])
        call(
            "ModifyReplication",
            SourceRegistryId=source.instance_id,
            RuleName=rule.name,
            Rule={"Filters": policy["Filters"], "Override": True},
        )
        rule.refresh_from_db()
        assert (rule.namespace, rule.repository, rule.override) == ("*", repository, True)

    def test_needs_a_token_for_all_namespaces_to_copy_all(self, call, source):
        foreign = factories.make_instance(name="foreign")
        narrow = factories.make_access_credential(instance=foreign, secret="of-theirs", namespaces=["team"])
        peer = {
            "EnablePeerReplication": True,
            "PeerRegistryUin": foreign.account.uin,
            "PeerRegistryToken": "of-theirs",
        }
        tags = [{"Type": "tag", "Value": "v*"}]
        refused = refusal(manage, call, source, foreign, filters=tags, PeerReplicationOption=peer)
        assert refused.code == "InternalError.ErrorTcrUnauthorized"
        narrow.namespaces = []
        narrow.save()
        manage(call, source, foreign, filters=tags, PeerReplicationOption=peer)
        assert Rule.objects.get().namespace == "*"

    def test_refuses_to_copy_all_to_the_instance_itself(self, call, source):
        refused = refusal(manage, call, source, source, filters=[], rule={"DestNamespace": "mirror"})
        assert refused.code == "InvalidParameter.ErrorTcrInvalidParameter"

    def test_takes_a_required_text_that_is_missing_as_empty(self, call, source, target):
        rule = {"Name": "r", "Override": True, "Filters": FILTERS}
        call(
            "ManageReplication",
            SourceRegistryId=source.instance_id,
            DestinationRegistryId=target.instance_id,
            Rule=rule,
        )
        assert Rule.objects.get().target_namespace == ""

    def test_ignores_an_option_for_peers_that_is_off_and_a_region_of_0(self, call, source, target):
        peer = {"EnablePeerReplication": False, "PeerRegistryUin": "", "PeerRegistryToken": ""}
        manage(call, source, target, PeerReplicationOption=peer, DestinationRegionId=0)
        assert not Rule.objects.get().is_cross_tenant

    def test_creates_a_rule_to_another_account_with_its_token(self, call, source):
        foreign = factories.make_instance(name="foreign")
        factories.make_access_credential(instance=foreign, secret="of-theirs")
        peer = {
            "EnablePeerReplication": True,
            "PeerRegistryUin": foreign.account.uin,
            "PeerRegistryToken": "of-theirs",
        }
        manage(call, source, foreign, PeerReplicationOption=peer)
        rule = Rule.objects.get()
        assert (rule.is_cross_tenant, rule.target) == (True, foreign)

    def test_refuses_a_wrong_token_and_a_service_account(self, call, source):
        foreign = factories.make_instance(name="foreign")
        peer = {"EnablePeerReplication": True, "PeerRegistryUin": "12345678", "PeerRegistryToken": "no"}
        refused = refusal(manage, call, source, foreign, PeerReplicationOption=peer)
        assert refused.code == "InternalError.ErrorTcrUnauthorized"
        refused = refusal(
            manage, call, source, foreign, PeerReplicationOption=peer | {"PeerRegistryUin": "tcr$robot"}
        )
        assert refused.code == "InvalidParameter"
        assert "service-level" in refused.message

    def test_refuses_another_accounts_instance_like_one_that_is_not(self, call, source, target):
        foreign = factories.make_instance(name="foreign")
        refused = refusal(manage, call, source, foreign)
        assert refused.code == "ResourceNotFound"
        assert "foreign" not in refused.message
        assert refusal(manage, call, foreign, target).code == "ResourceNotFound"

    def test_refuses_a_name_that_is_taken(self, call, source, target):
        manage(call, source, target)
        assert refusal(manage, call, source, target).code == "InternalError.ErrorTcrResourceConflict"

    def test_refuses_the_basic_edition(self, call, target, account):
        basic = factories.make_instance(account=account, edition=Edition.BASIC)
        assert refusal(manage, call, basic, target).code == "UnsupportedOperation"

    def test_tells_when_the_quota_is_used_up(self, call, source, target, settings):
        settings.QUOTAS = {**settings.QUOTAS, "premium": settings.QUOTAS["premium"] | {"rules": 0}}
        assert refusal(manage, call, source, target).code == "OperationDenied.QuotaOverLimit"

    @pytest.mark.parametrize(
        "filters",
        [
            [{"Type": "name", "Value": "team/["}],
            [{"Type": "name", "Value": "Team/**"}],
            [{"Type": "name", "Value": "team"}],
            [{"Type": "name", "Value": "{a,b}/**"}],
            [{"Type": "name", "Value": "te*/**"}],
        ],
    )
    def test_refuses_filters_that_the_form_refuses(self, call, source, target, filters):
        refused = refusal(manage, call, source, target, filters=filters)
        assert refused.code == "InvalidParameter.ErrorTcrInvalidParameter"
        assert "Rule.Filters" in refused.message

    @pytest.mark.parametrize(
        "filters",
        [
            [{"Type": "Name", "Value": "team/**"}],
            [{"Type": "name", "Value": "a/**"}, {"Type": "name", "Value": "b/**"}],
            [{"Type": "name", "Value": "a/**"}, {"Type": "resource", "Value": "IMAGE"}],
        ],
    )
    def test_refuses_filters_that_are_none(self, call, source, target, filters):
        assert refusal(manage, call, source, target, filters=filters).code == "InvalidParameter"

    def test_refuses_a_name_that_is_none(self, call, source, target):
        refused = refusal(manage, call, source, target, rule={"Name": "-x"})
        assert refused.code == "InvalidParameter.ErrorTcrInvalidParameter"

    @pytest.mark.parametrize("region_id", [1, 987_654])
    def test_refuses_another_region_than_the_instances(self, call, source, target, region_id):
        refused = refusal(manage, call, source, target, DestinationRegionId=region_id)
        assert refused.code == "InvalidParameter"

    def test_needs_the_right_to_push_to_the_target(self, account, source, target):
        viewer = factories.make_user(account=account, role="viewer")
        factories.make_grant(user=viewer, instance=source, permission=Permission.SYNCHRONIZE)
        refused = refusal(manage, caller_for(viewer), source, target)
        assert refused.code == "UnauthorizedOperation"


class TestModifyReplication:
    @pytest.fixture
    def rule(self, source, target) -> Rule:
        return factories.make_rule(source=source, target=target, name="old", namespace="team", tag="v*")

    def modify(self, call, rule, asked, **values):
        return call(
            "ModifyReplication",
            SourceRegistryId=rule.source.instance_id,
            RuleName=rule.name,
            Rule=asked,
            **values,
        )

    def test_switches_a_rule_and_leaves_the_rest(self, call, rule):
        self.modify(call, rule, {"Enabled": False})
        rule.refresh_from_db()
        assert (rule.is_enabled, rule.tag) == (False, "v*")
        self.modify(call, rule, {"Enabled": True})
        rule.refresh_from_db()
        assert rule.is_enabled

    def test_changes_what_is_given(self, call, rule):
        filters = [{"Type": "name", "Value": "team/app*"}]
        self.modify(call, rule, {"Override": True, "Filters": filters}, Description="new")
        rule.refresh_from_db()
        assert (rule.override, rule.repository, rule.tag, rule.description) == (True, "app*", "", "new")
        assert rule.is_push_triggered

    def test_changes_nothing_with_an_empty_rule(self, call, rule):
        self.modify(call, rule, {})
        before = rule.updated_at
        rule.refresh_from_db()
        assert rule.updated_at == before

    def test_refuses_an_unknown_rule(self, call, rule):
        rule.name = "other"
        assert refusal(self.modify, call, rule, {"Enabled": False}).code == "ResourceNotFound"

    def test_refuses_to_rename(self, call, rule):
        assert refusal(self.modify, call, rule, {"Name": "other"}).code == "UnknownParameter"


class TestDeleteReplicationRule:
    def test_deletes_by_name(self, call, source, target):
        manage(call, source, target)
        call(
            "DeleteReplicationRule",
            SourceRegistryId=source.instance_id,
            RuleName="to-singapore",
            Description="x",
        )
        assert not Rule.objects.exists()

    def test_refuses_an_unknown_rule(self, call, source):
        refused = refusal(call, "DeleteReplicationRule", SourceRegistryId=source.instance_id, RuleName="no")
        assert refused.code == "ResourceNotFound"


class TestDescribeReplicationPolicies:
    def test_tells_a_rule_as_it_was_made(self, call, source, target):
        manage(call, source, target, Description="d", rule={"DestNamespace": "mirror"})
        answer = call("DescribeReplicationPolicies", RegistryId=source.instance_id)
        [policy] = answer["ReplicationPolicyInfoList"]
        assert answer["TotalCount"] == 1
        assert policy["Name"] == "to-singapore"
        assert policy["Filters"] == FILTERS[:2]
        assert policy["SrcResource"] == "source-one/team/**:release** ap-guangzhou"
        assert policy["DestResource"] == f"{target.instance_id}/mirror/** ap-singapore"
        assert (policy["Enabled"], policy["Override"]) == (True, False)

    def test_pages_and_cuts_what_is_too_much(self, call, source, target):
        for number in range(3):
            factories.make_rule(source=source, target=target, name=f"r{number}")
        answer = call("DescribeReplicationPolicies", RegistryId=source.instance_id, Page=2, PageSize=2)
        assert [one["Name"] for one in answer["ReplicationPolicyInfoList"]] == ["r2"]
        assert answer["TotalCount"] == 3
        answer = call("DescribeReplicationPolicies", RegistryId=source.instance_id, Page=0, PageSize=10**6)
        assert len(answer["ReplicationPolicyInfoList"]) == 3

    def test_shows_a_rule_to_another_account_without_its_names(self, call, source):
        foreign = factories.make_instance(name="of-somebody-else")
        factories.make_cross_tenant_rule(source=source, target=foreign)
        answer = call("DescribeReplicationPolicies", RegistryId=source.instance_id)
        assert "of-somebody-else" not in str(answer)
        assert foreign.instance_id in str(answer)
