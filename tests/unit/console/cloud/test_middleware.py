"""What arrives at `/`: which of it is a call, how it is signed, and what is wrong with it."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import pytest
from django.conf import settings as django_settings
from django.test import Client
from django.utils import timezone

from console.cloud import signatures
from registries import throttling
from registries.models import ApiKey
from registries.services import api_keys
from registries.throttling import Throttle
from tests import factories
from tests.unit.console.cloud.calling import HOST, Refused, caller_for, read
from tests.unit.console.secrets_scan import Scan

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"


def refusal(act, *arguments, **options) -> Refused:
    with pytest.raises(Refused) as caught:
        act(*arguments, **options)
    return caught.value


def old(call, action, *, method="POST", algorithm="HmacSHA256", changes=None, **values) -> dict:
    """Call with an older signature; `changes` are made after signing."""
    parameters = {
        "Action": action,
        "Version": "2019-09-24",
        "Timestamp": str(int(time.time())),
        "Nonce": "12345",
        "SecretId": call.key.secret_id,
        "SignatureMethod": algorithm,
        "Language": "en-US",
        "RequestClient": "SDK_PYTHON_3.1.195",
        **values,
    }
    parameters["Signature"] = signatures.sign_old(
        parameters, secret_key=call.secret_key, method=method, host=HOST, algorithm=algorithm
    )
    text = urlencode(parameters | (changes or {}))
    headers = {"Host": HOST}
    if method == "GET":
        return read(Client().get(f"/?{text}", headers=headers), action)
    return read(Client().post("/", text, content_type=FORM, headers=headers), action)


class TestTheConsole:
    def test_keeps_its_overview(self, page):
        assert page.get("/").status_code == 200
        assert page.get("/?Action=DescribeRegions").status_code == 200
        assert page.get("/?Signature=x").status_code == 200
        assert page.post("/", {"Action": "x"}).status_code == 405

    def test_sends_strangers_to_sign_in(self, client):
        assert client.get("/").status_code == 302

    def test_keeps_all_other_paths(self, client):
        response = client.post("/instances/", headers={"X-TC-Action": "DescribeRegions"})
        assert response.status_code == 302

    def test_is_not_reached_by_a_call_with_a_session(self, page):
        response = page.get("/", headers={"X-TC-Action": "DescribeInstances"})
        assert refusal(read, response).code == "AuthFailure.InvalidAuthorization"


class TestTc3:
    def test_answers_in_the_envelope(self, call):
        assert call("DescribeRegions")["TotalCount"] > 20

    def test_takes_a_host_with_a_scheme_as_the_command_line_client_signs_it(self, call, monkeypatch):
        monkeypatch.setattr("tests.unit.console.cloud.calling.HOST", "http://127.0.0.1:8080")
        assert call("DescribeRegions")

    def test_is_not_led_to_https_and_needs_no_allowed_host(self, call, settings):
        settings.SECURE_SSL_REDIRECT = True
        settings.ALLOWED_HOSTS = ["console.example.com"]
        assert call("DescribeRegions")

    @pytest.mark.parametrize(
        ("headers", "code"),
        [
            ({"Authorization": ""}, "AuthFailure.InvalidAuthorization"),
            ({"Authorization": "SKIP"}, "AuthFailure.InvalidAuthorization"),
            ({"X-TC-Timestamp": ""}, "MissingParameter"),
            ({"X-TC-Timestamp": "now"}, "InvalidParameter"),
            ({"X-TC-Timestamp": "9" * 40}, "InvalidParameter"),
            ({"X-TC-Timestamp": "1700000000"}, "AuthFailure.SignatureExpire"),
            ({"X-TC-Timestamp": str(int(time.time()) + 4000)}, "AuthFailure.SignatureExpire"),
            ({"X-TC-Token": "temporary"}, "AuthFailure.TokenFailure"),
            ({"X-TC-Version": ""}, "MissingParameter"),
            ({"X-TC-Version": "2017-03-12"}, "NoSuchVersion"),
            ({"Host": "127.0.0.1"}, "AuthFailure.SignatureFailure"),
            ({"X-TC-Content-SHA256": "UNSIGNED-PAYLOAD"}, "AuthFailure.SignatureFailure"),
        ],
    )
    def test_refuses_what_is_wrong_with_headers(self, call, headers, code):
        call.headers = headers
        assert refusal(call, "DescribeRegions").code == code

    def test_refuses_a_wrong_secret_with_the_vendors_words(self, call):
        call.secret_key = "wrong"
        refused = refusal(call, "DescribeRegions")
        assert refused.code == "AuthFailure.SignatureFailure"
        assert refused.message == (
            "The provided credentials could not be validated. Please check your signature is correct."
        )

    def test_refuses_another_date_and_another_service(self, call):
        authorization = (
            f"TC3-HMAC-SHA256 Credential={call.key.secret_id}/2020-01-01/tcr/tc3_request, "
            f"SignedHeaders=content-type;host, Signature={'0' * 64}"
        )
        call.headers = {"Authorization": authorization}
        assert refusal(call, "DescribeRegions").code == "AuthFailure.InvalidAuthorization"
        today = signatures.date_of(int(time.time()))
        call.headers = {"Authorization": authorization.replace("2020-01-01/tcr", f"{today}/tag")}
        assert refusal(call, "DescribeRegions").code == "NoSuchProduct"

    @pytest.mark.parametrize("body", [b"no json", b"[]", b'"x"', b"[" * 100_000, b"\xff"])
    def test_refuses_a_body_that_is_no_object(self, call, body):
        assert refusal(call.send, "DescribeRegions", body).code == "InvalidRequest"

    def test_refuses_a_body_that_is_too_large(self, call):
        body = b" " * (django_settings.DATA_UPLOAD_MAX_MEMORY_SIZE + 1)
        assert refusal(call.send, "DescribeRegions", body).code == "RequestSizeLimitExceeded"

    def test_refuses_other_methods(self, call):
        response = Client().put("/", headers={"X-TC-Action": "DescribeRegions"})
        assert refusal(read, response).code == "UnsupportedProtocol"


class TestOldSignatures:
    @pytest.mark.parametrize("method", ["POST", "GET"])
    @pytest.mark.parametrize("algorithm", ["HmacSHA256", "HmacSHA1"])
    def test_are_taken(self, call, source, algorithm, method):
        values = {
            "Filters.0.Name": "RegistryName",
            "Filters.0.Values.0": "a b**&=中",
            "Filters.0.Values.1": source.name,
            "AllRegion": "True",
            "Limit": "20",
        }
        answer = old(call, "DescribeInstances", method=method, algorithm=algorithm, **values)
        assert answer["TotalCount"] == 1

    def test_cover_every_parameter(self, call):
        refused = refusal(old, call, "DescribeRegions", changes={"Region": "ap-beijing"})
        assert refused.code == "AuthFailure.SignatureFailure"

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            ({"SecretId": ""}, "AuthFailure.InvalidSecretId"),
            ({"SecretId": "AKIDnobody"}, "AuthFailure.SecretIdNotFound"),
            ({"Timestamp": "1700000000"}, "AuthFailure.SignatureExpire"),
            ({"Timestamp": ""}, "MissingParameter"),
            ({"SignatureMethod": "HmacMD5"}, "AuthFailure.InvalidAuthorization"),
        ],
    )
    def test_are_refused_by_what_is_wrong(self, call, changes, code):
        assert refusal(old, call, "DescribeRegions", changes=changes).code == code

    def test_refuse_a_parameter_that_is_a_value_and_a_branch(self, call):
        refused = refusal(old, call, "DescribeInstances", **{"Filters": "x", "Filters.0.Name": "y"})
        assert refused.code == "InvalidParameter"

    def test_refuse_unknown_parameters(self, call):
        assert refusal(old, call, "DescribeRegions", Nonsense="1").code == "UnknownParameter"


class TestKeys:
    def test_stop_with_the_key_its_user_and_the_account(self, call, account, owner):
        for stop, start in [
            (lambda: ApiKey.objects.update(is_enabled=False), lambda: ApiKey.objects.update(is_enabled=True)),
            (lambda: _set(owner, is_active=False), lambda: _set(owner, is_active=True)),
            (lambda: _set(account, is_active=False), lambda: _set(account, is_active=True)),
        ]:
            stop()
            assert refusal(call, "DescribeRegions").code == "AuthFailure.SecretIdNotFound"
            start()
            assert call("DescribeRegions")

    def test_note_their_use_once_a_minute(self, call):
        call("DescribeRegions")
        noted = ApiKey.objects.get().last_used_at
        assert noted is not None
        call("DescribeRegions")
        assert ApiKey.objects.get().last_used_at == noted

    def test_are_refused_when_they_do_not_open(self, call, settings):
        settings.VAULT_KEYS = {"other": b"o" * 32}
        assert refusal(call, "DescribeRegions").code == "InternalError"


class TestAnswers:
    def test_tell_a_failure_without_its_words(self, call, monkeypatch, caplog):
        monkeypatch.setattr(api_keys, "note_use", lambda *_: 1 / 0)
        refused = refusal(call, "DescribeRegions")
        assert refused.code == "InternalError"
        assert "division" not in refused.message
        assert "division" in caplog.text

    def test_are_in_the_language_that_is_asked_for(self, call):
        call.headers = {"X-TC-Language": "zh-CN", "X-TC-Version": "1"}
        assert refusal(call, "DescribeRegions").code == "NoSuchVersion"

    def test_bear_the_id_of_the_request(self, client):
        headers = {"X-TC-Action": "x", "X-Request-ID": "7b0f8bd0-92cb-4b43-9a1c-0d2e40ae2c6f"}
        response = client.post("/", headers=headers)
        assert response.json()["Response"]["RequestId"] == headers["X-Request-ID"]

    def test_are_not_kept_by_anybody(self, client):
        assert client.post("/", headers={"X-TC-Action": "x"}).headers["Cache-Control"] == "no-store"


class TestLimits:
    def test_refuse_who_calls_too_often(self, owner, settings, monkeypatch):
        monkeypatch.setattr(throttling, "check", Throttle().check)  # with nothing in hand from other tests
        settings.CLOUD_PER_MINUTE = 3
        call = caller_for(owner)
        codes = set()
        for _attempt in range(8):
            try:
                call("DescribeRegions")
            except Refused as refused:
                codes.add(refused.code)
        assert codes == {"RequestLimitExceeded"}


class TestFlattenedAndLooseValues:
    def test_truth_comes_in_the_spellings_of_all_clients(self, call, source):
        for spelling in ("True", "true", True):
            values = {"RegistryId": source.instance_id, "DeletionProtection": spelling}
            call("ModifyInstance", **values)
            source.refresh_from_db()
            assert source.is_deletion_protected
        with pytest.raises(Refused, match="InvalidParameter"):
            call("ModifyInstance", RegistryId=source.instance_id, DeletionProtection="yes")

    @pytest.mark.parametrize("limit", ["x", 1.5, True, [1], "9" * 30, 2**70, -1])
    def test_numbers_are_numbers(self, call, limit):
        assert refusal(call, "DescribeInstances", Limit=limit).code == "InvalidParameter"

    @pytest.mark.parametrize("text", [1, {}, "\0", "\ud800"])
    def test_texts_are_texts(self, call, text):
        assert refusal(call, "CheckInstance", RegistryId=text).code == "InvalidParameter"

    def test_names_the_whole_path_of_what_is_missing(self, call, source):
        refused = refusal(
            call,
            "ManageReplication",
            SourceRegistryId=source.instance_id,
            DestinationRegistryId="x",
            Rule={"Name": "n", "Override": True, "Filters": [{"Value": "x"}]},
        )
        assert (refused.code, "Rule.Filters.0.Type" in refused.message) == ("MissingParameter", True)

    def test_a_list_has_an_end(self, call):
        assert refusal(call, "DescribeInstances", Registryids=["x"] * 1000).code == "InvalidParameter"


def test_secrets_are_nowhere_after_calls(call, source, caplog):
    scan = Scan()
    scan.add("SecretKey", call.secret_key)
    place = {"RegistryId": source.instance_id}
    token = call("CreateInstanceToken", TokenType="longterm", **place)
    scan.add("token", token["Token"], token["Username"])
    permissions = [{"Resource": "team", "Actions": ["tcr:PullRepository"]}]
    scan.add(
        "password", call("CreateServiceAccount", Name="robot", Permissions=permissions, **place)["Password"]
    )
    renewed = call("ModifyServiceAccountPassword", Name="robot", Random=True, **place)
    scan.add("renewed password", renewed["Password"])
    peer = {"EnablePeerReplication": True, "PeerRegistryUin": "12345678"}
    peer["PeerRegistryToken"] = scan.add("refused token", "r3fused-token-of-a-peer")
    rule = {"Name": "r", "Override": False, "Filters": [{"Type": "name", "Value": "team/**"}]}
    asked = {"SourceRegistryId": source.instance_id, "DestinationRegistryId": "tcr-00000000", "Rule": rule}
    refused = refusal(call, "ManageReplication", PeerReplicationOption=peer, **asked)
    scan.look("an error", refused.message)
    scan.look("a list", str(call("DescribeInstanceToken", **place)))
    scan.look("a list", str(call("DescribeServiceAccounts", **place)))
    scan.look("the log", caplog.text)
    scan.look_at_database()
    assert scan.found == []
    assert len(scan.places) > 20


def test_staff_have_no_keys():
    with pytest.raises(Exception, match="account"):
        api_keys.create(user=factories.make_staff(), now=timezone.now())


def _set(row, **fields) -> None:
    type(row).objects.filter(pk=row.pk).update(**fields)
