"""Instance tokens and service accounts through the cloud API."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from registries.models import AccessCredential
from registries.services import access_credentials
from tests import factories
from tests.unit.console.cloud.calling import Refused, caller_for

pytestmark = pytest.mark.django_db

PERMISSIONS = [{"Resource": "team", "Actions": ["tcr:PushRepository", "tcr:PullRepository"]}]


def refusal(act, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


def ends_at(milliseconds: int) -> timedelta:
    return datetime.fromtimestamp(milliseconds / 1000, UTC) - timezone.now()


class TestTokens:
    def test_a_long_term_one_opens_the_instance_for_ten_years(self, call, source):
        answer = call("CreateInstanceToken", RegistryId=source.instance_id, TokenType="longterm", Desc="d")
        assert answer["Username"] == source.account.uin
        assert timedelta(hours=87_599) < ends_at(answer["ExpTime"]) < timedelta(hours=87_601)
        credential = access_credentials.verify_push(
            instance_id=source.instance_id,
            username=answer["Username"],
            secret=answer["Token"],
            namespace="team",
            now=timezone.now(),
        )
        assert (credential.token_id, len(answer["TokenId"])) == (answer["TokenId"], 20)

    def test_a_temporary_one_is_the_default_lives_an_hour_and_is_not_listed(self, call, source):
        answer = call("CreateInstanceToken", RegistryId=source.instance_id)
        assert answer["TokenId"] == ""
        assert timedelta(minutes=59) < ends_at(answer["ExpTime"]) <= timedelta(hours=1)
        assert call("DescribeInstanceToken", RegistryId=source.instance_id)["TotalCount"] == 0

    def test_refuses_other_types_and_unknown_tokens(self, call, source):
        place = {"RegistryId": source.instance_id}
        assert refusal(call, "CreateInstanceToken", TokenType="eternal", **place).code == "InvalidParameter"
        for action in ("ModifyInstanceToken", "DeleteInstanceToken"):
            refused = refusal(call, action, TokenId="no", **place)
            assert refused.code == "ResourceNotFound.TcrResourceNotFound"

    def test_are_listed_switched_described_and_deleted(self, call, source):
        place = {"RegistryId": source.instance_id}
        token_id = call("CreateInstanceToken", TokenType="longterm", Desc="first", **place)["TokenId"]

        def listed():
            return call("DescribeInstanceToken", Limit=200, **place)["Tokens"]

        assert [(one["Id"], one["Desc"], one["Enabled"]) for one in listed()] == [(token_id, "first", True)]
        call(
            "ModifyInstanceToken", TokenId=token_id, Enable=False, **place
        )  # as Terraform: without ModifyFlag
        assert not listed()[0]["Enabled"]
        call("ModifyInstanceToken", TokenId=token_id, ModifyFlag=2, Enable=True, **place)
        call("ModifyInstanceToken", TokenId=token_id, ModifyFlag=1, Desc="second", **place)
        assert [(one["Desc"], one["Enabled"]) for one in listed()] == [("second", True)]
        refused = refusal(call, "ModifyInstanceToken", TokenId=token_id, ModifyFlag=3, **place)
        assert refused.code == "InvalidParameter"
        call("DeleteInstanceToken", TokenId=token_id, **place)
        assert listed() == []

    def test_are_changed_by_their_issuer_only(self, call, source, account):
        token = call("CreateInstanceToken", RegistryId=source.instance_id, TokenType="longterm")
        operator = caller_for(factories.make_user(account=account, role="operator"))
        values = {"RegistryId": source.instance_id, "TokenId": token["TokenId"]}
        assert refusal(operator, "DeleteInstanceToken", **values).code == "UnauthorizedOperation"


class TestServiceAccounts:
    @pytest.fixture
    def create(self, call, source):
        def act(**values):
            asked = {"RegistryId": source.instance_id, "Name": "robot", "Permissions": PERMISSIONS} | values
            return call("CreateServiceAccount", **asked)

        return act

    def test_get_the_prefix_and_a_password_once(self, create, call, source):
        answer = create(Description="d")
        assert (answer["Name"], answer["ExpiresAt"]) == ("tcr$robot", 0)
        assert answer["Password"]
        listed = call("DescribeServiceAccounts", RegistryId=source.instance_id)
        [found] = listed["ServiceAccounts"]
        assert (found["Name"], found["Description"], found["Disable"]) == ("tcr$robot", "d", False)
        [permission] = found["Permissions"]
        assert permission["Resource"] == "team"
        assert set(permission["Actions"]) == {"tcr:PushRepository", "tcr:PullRepository"}
        assert answer["Password"] not in str(listed)

    def test_end_after_days_rather_than_at_a_time(self, create):
        later = int((timezone.now() + timedelta(days=300)).timestamp() * 1000)
        assert 9 < ends_at(create(Duration=10, ExpiresAt=later)["ExpiresAt"]).days + 1 <= 10
        assert ends_at(create(Name="other", ExpiresAt=later)["ExpiresAt"]).days == 299

    def test_can_be_made_switched_off(self, create):
        create(Disable=True)
        assert not AccessCredential.objects.get().is_enabled

    @pytest.mark.parametrize(
        ("values", "code"),
        [
            ({"Name": "Robot!"}, "FailedOperation"),
            ({"Name": ""}, "InvalidParameter"),
            ({"Permissions": []}, "InvalidParameter"),
            ({"Permissions": [{"Resource": "team", "Actions": ["tcr:Fly"]}]}, "InvalidParameter"),
            ({"Permissions": [{"Resource": "Team", "Actions": ["tcr:PullRepository"]}]}, "InvalidParameter"),
            ({"Duration": -1}, "InvalidParameter"),
            ({"ExpiresAt": 2**60}, "InvalidParameter"),
            ({"ExpiresAt": 1000}, "InvalidParameter"),
        ],
    )
    def test_refuse_with_the_vendors_codes(self, create, values, code):
        assert refusal(create, **values).code == code

    def test_have_names_of_their_own(self, create):
        create()
        assert refusal(create, Name="tcr$robot").code == "FailedOperation"

    def test_are_named_with_and_without_the_prefix(self, create, call, source):
        create()
        place = {"RegistryId": source.instance_id}
        call("ModifyServiceAccount", Name="tcr$robot", Description="new", **place)
        call("ModifyServiceAccount", Name="robot", Disable=True, **place)
        password = call("ModifyServiceAccountPassword", Name="robot", Random=True, **place)["Password"]
        stored = AccessCredential.objects.select_related("instance__account").get()
        assert (stored.description, stored.is_enabled) == ("new", False)
        assert stored.has_secret(password)
        permissions = [{"Resource": "web", "Actions": ["tcr:DescribeHelmCharts"]}]
        call("ModifyServiceAccount", Name="robot", Permissions=permissions, Duration=3, **place)
        stored.refresh_from_db()
        assert stored.permissions == {"web": ["pull"]}
        assert stored.expires_at is not None
        call("DeleteServiceAccount", Name="tcr$robot", **place)
        assert call("DescribeServiceAccounts", **place) == {"ServiceAccounts": [], "TotalCount": 0}

    def test_have_no_passwords_that_somebody_thought_of(self, create, call, source):
        create()
        refused = refusal(
            call,
            "ModifyServiceAccountPassword",
            RegistryId=source.instance_id,
            Name="robot",
            Random=False,
            Password="Correct-Horse-7",
        )
        assert refused.code == "OperationDenied"

    def test_are_found_by_filter_and_page(self, create, call, source):
        for name in ("a", "b", "c"):
            create(Name=name)
        place = {"RegistryId": source.instance_id}
        filters = [{"Name": "ServiceAccountName", "Values": ["tcr$b"]}]
        assert call("DescribeServiceAccounts", Filters=filters, **place)["TotalCount"] == 1
        assert len(call("DescribeServiceAccounts", Offset=1, Limit=1, **place)["ServiceAccounts"]) == 1
        assert len(call("DescribeServiceAccounts", Limit=1, All=True, **place)["ServiceAccounts"]) == 3

    def test_give_away_no_more_than_their_issuer_may(self, source, account):
        viewer = caller_for(factories.make_user(account=account, role="viewer"))
        place = {"RegistryId": source.instance_id}
        refused = refusal(viewer, "CreateServiceAccount", Name="robot", Permissions=PERMISSIONS, **place)
        assert refused.code == "UnauthorizedOperation"
        pull = [{"Resource": "team", "Actions": ["tcr:PullRepository"]}]
        assert viewer("CreateServiceAccount", Name="robot", Permissions=pull, **place)["Name"] == "tcr$robot"
