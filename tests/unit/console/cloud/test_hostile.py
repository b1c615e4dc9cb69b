"""Calls that no friend would send: each is refused, and does nothing."""

from __future__ import annotations

import json
import time

import pytest
from django.test import Client

from console.cloud import signatures, table
from registries.services import api_keys
from syncjobs.models import Rule
from tests import factories
from tests.unit.console.cloud.calling import HOST, Caller, Refused, read
from tests.unit.console.cloud.test_middleware import old, refusal
from tests.unit.console.cloud.test_table import example

pytestmark = pytest.mark.django_db


def signed(
    call: Caller, body: bytes, *, names: tuple[str, ...], method: str = "POST", **headers: str
) -> dict[str, str]:
    """Return the headers of a call with these signed ones, by their lowercase names."""
    timestamp = int(time.time())
    sent = {"content-type": "application/json", "host": HOST, "x-tc-action": "DescribeRegions", **headers}
    signature = signatures.sign_tc3(
        signatures.Message(method, "", sent, body),
        secret_key=call.secret_key,
        timestamp=timestamp,
        service="tcr",
        headers=names,
    )
    scope = f"{call.key.secret_id}/{signatures.date_of(timestamp)}/tcr/tc3_request"
    return {
        "Host": HOST,
        "X-TC-Action": "DescribeRegions",
        "X-TC-Version": "2019-09-24",
        "X-TC-Timestamp": str(timestamp),
        "X-TC-Language": "en-US",
        "Authorization": f"{signatures.ALGORITHM} Credential={scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}",
    }


def post(headers: dict[str, str], body: bytes = b"{}", kind: str = "application/json") -> dict[str, object]:
    return read(Client().post("/", body, content_type=kind, headers=headers))


class TestSignatures:
    NAMES = ("content-type", "host", "x-tc-action")

    def test_cover_every_header_that_they_name(self, call):
        headers = signed(call, b"{}", names=self.NAMES)
        assert post(headers)["TotalCount"]
        assert (
            refusal(post, headers | {"X-TC-Action": "DescribeInstances"}).code
            == "AuthFailure.SignatureFailure"
        )
        assert refusal(post, headers, b"{ }").code == "AuthFailure.SignatureFailure"
        refused = refusal(post, headers, b"{}", "application/json; charset=utf-8")
        assert refused.code == "AuthFailure.SignatureFailure"

    @pytest.mark.parametrize("names", [("content-type",), ("host",), ("x-tc-action",)])
    def test_must_name_type_and_host(self, call, names):
        refused = refusal(post, signed(call, b"{}", names=names))
        assert refused.code == "AuthFailure.InvalidAuthorization"

    def test_of_a_header_that_did_not_come_are_wrong(self, call):
        names = ("content-type", "host", "x-forged")
        headers = signed(call, b"{}", names=names, **{"x-forged": "yes"})
        assert refusal(post, headers).code == "AuthFailure.SignatureFailure"

    def test_of_one_method_are_none_of_another(self, call):
        headers = signed(call, b"", names=("content-type", "host"), method="GET")
        assert refusal(post, headers, b"").code == "AuthFailure.SignatureFailure"

    def test_of_another_service_or_another_users_key_are_wrong(self, call, account):
        other = factories.make_user(account=account)
        headers = signed(call, b"{}", names=("content-type", "host"))
        key, _secret = api_keys.create(user=other, now=call.key.created_at)
        stolen = headers["Authorization"].replace(call.key.secret_id, key.secret_id)
        assert refusal(post, headers | {"Authorization": stolen}).code == "AuthFailure.SignatureFailure"

    @pytest.mark.parametrize(
        "authorization",
        [
            "TC3-HMAC-SHA256 " + "x" * 100_000,
            "TC3-HMAC-SHA256 Credential=" + "a/" * 10_000,
            "TC3-HMAC-SHA256 Credential=é/2026-01-01/tcr/tc3_request, SignedHeaders=content-type;host, Signature=0",
        ],
    )
    def test_that_are_no_signature_are_refused(self, call, authorization):
        headers = signed(call, b"{}", names=("content-type", "host")) | {"Authorization": authorization}
        assert refusal(post, headers).code == "AuthFailure.InvalidAuthorization"


class TestOldForms:
    def test_that_are_deeper_than_any_of_ours_are_refused(self, call):
        assert refusal(old, call, "DescribeRegions", **{"a." * 50_000 + "a": "x"}).code == "InvalidParameter"

    def test_with_a_list_of_holes_and_signs_are_refused(self, call):
        for name in ("Registryids.-1", "Registryids.٣", "Registryids.x", "Registryids.9999999"):
            refused = refusal(old, call, "DescribeInstances", **{name: "x"})
            assert refused.code == "InvalidParameter", name

    def test_that_give_a_parameter_twice_are_no_call(self, call):
        text = "Action=DescribeRegions&Action=DeleteInstance&Signature=x"
        response = Client(enforce_csrf_checks=True).post(
            "/", text, content_type="application/x-www-form-urlencoded", headers={"Host": "127.0.0.1"}
        )
        assert response.status_code in {302, 403}

    def test_that_are_no_text_are_no_call(self):
        assert Client().get("/?Action=x&Signature=%FF").status_code == 302


class TestValues:
    @pytest.mark.parametrize(
        "action", [a for a in table.ACTIONS.values() if a.instance], ids=lambda a: a.name
    )
    def test_a_replica_is_no_instance(self, call, source, action):
        replica = factories.make_replica(primary=source)
        with pytest.raises(Refused, match="ResourceNotFound"):
            call(action.name, **example(action.request, replica.replica_id))

    @pytest.mark.parametrize("number", [2**31, 2**63 - 1, -(2**63) + 1])
    def test_numbers_beyond_every_row_find_nothing(self, call, source, number):
        place = {"RegistryId": source.instance_id}
        for action, values in [
            ("DescribeReplicationTasks", {"ExecutionId": number}),
            ("DescribeReplicationExecutions", {"PolicyId": number}),
            ("CreateReplicationInstance", {"ReplicationRegionId": number}),
        ]:
            assert refusal(call, action, **place | values).code.startswith(
                ("ResourceNotFound", "InvalidParameter")
            )

    def test_texts_of_any_length_are_refused_in_few_words(self, call, source, target):
        rule = {"Name": "x" * 100_000, "DestNamespace": "y" * 100_000, "Override": False, "Filters": []}
        for values in (
            {"SourceRegistryId": "z" * 100_000},
            {"DestinationRegistryId": "z" * 100_000},
            {"Description": "d" * 100_000},
            {},
        ):
            asked = {
                "SourceRegistryId": source.instance_id,
                "DestinationRegistryId": target.instance_id,
                "Rule": rule,
            }
            assert len(refusal(call, "ManageReplication", **asked | values).message) < 500
        assert not Rule.objects.exists()

    def test_a_key_given_twice_in_json_counts_once(self, call):
        body = b'{"Limit": "x", "Limit": 1}'
        assert call.send("DescribeInstances", body)["TotalCount"] == 0
        assert json.loads(body) == {"Limit": 1}
