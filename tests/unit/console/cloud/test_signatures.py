"""Signatures: the vendor's vectors, and every way in which one can be wrong."""

from datetime import UTC, datetime

import pytest

from console.cloud import signatures
from console.cloud.signatures import Malformed, Message

SECRET_KEY = "test-secret-key"
TIMESTAMP = 1_700_000_000
HOST = "127.0.0.1:8000"
BODY = b'{"RegistryId": "tcr-12345678", "Limit": 20}'
OLD = {
    "RegistryId": "tcr-12345678",
    "Limit": "20",
    "Action": "DescribeReplicationInstances",
    "RequestClient": "SDK_PYTHON_3.1.195",
    "Nonce": "12345",
    "Timestamp": str(TIMESTAMP),
    "Version": "2019-09-24",
    "Region": "ap-guangzhou",
    "SecretId": "AKIDEXAMPLE",
    "Language": "en-US",
}


def sign(message: Message, headers=("content-type", "host")) -> str:
    return signatures.sign_tc3(
        message, secret_key=SECRET_KEY, timestamp=TIMESTAMP, service="tcr", headers=headers
    )


class TestTc3:
    """Source: reference/tencent-api.md 2.2, test vector."""

    def test_signs_a_body_as_the_official_sdk_does(self):
        message = Message("POST", "", {"content-type": "application/json", "host": HOST}, BODY)
        assert sign(message) == "61bca7ee0ba06f14ccaedcc1c4bdeb38a71e41073a0efa6560f47329c155f493"

    def test_signs_a_query_as_the_official_sdk_does(self):
        headers = {"content-type": "application/x-www-form-urlencoded", "host": HOST}
        message = Message("GET", "RegistryId=tcr-12345678&Limit=20", headers, b"")
        assert sign(message) == "7310c01356eda3ed3ef2e55ec51df963f5da5e6fbf648d1e51111c6bc76b9705"

    def test_signs_every_byte(self):
        headers = {"content-type": "application/json", "host": HOST}
        one = sign(Message("POST", "", headers, BODY))
        assert one != sign(Message("POST", "", headers, BODY.replace(b" ", b"")))
        assert one != sign(Message("POST", "", headers | {"host": "127.0.0.1"}, BODY))
        assert one != sign(Message("POST", "x", headers, BODY))

    def test_signs_an_unsigned_payload_whatever_it_is(self):
        headers = {"content-type": "application/json", "host": HOST}
        one, other = (
            sign(Message("POST", "", headers, body, is_payload_signed=False)) for body in (b"a", b"b")
        )
        assert one == other

    def test_signs_further_headers_in_lowercase(self):
        headers = {"content-type": "application/json", "host": HOST}
        signed = ("content-type", "host", "x-tc-action")
        one, other = (
            sign(Message("POST", "", headers | {"x-tc-action": name}, BODY), signed)
            for name in ("DescribeInstances", " describeinstances ")
        )
        assert one == other


class TestOld:
    """Source: reference/tencent-api.md 2.3, test vectors."""

    @pytest.mark.parametrize(
        ("algorithm", "signature"),
        [
            ("HmacSHA256", "6kaVaFTNsWqYKwSgWW9i8Qdk/jkvp7nisp8DNjHfXpE="),
            ("HmacSHA1", "SuiUYUbMY1eH7s+h/jL5xpLk/Lg="),
        ],
    )
    def test_signs_as_the_official_sdk_does(self, algorithm, signature):
        parameters = OLD | {"SignatureMethod": algorithm}
        found = signatures.sign_old(
            parameters, secret_key=SECRET_KEY, method="POST", host=HOST, algorithm=algorithm
        )
        assert found == signature

    def test_takes_sha1_if_no_algorithm_is_named(self):
        one, other = (
            signatures.sign_old(OLD, secret_key=SECRET_KEY, method="GET", host=HOST, algorithm=algorithm)
            for algorithm in ("", "HmacSHA1")
        )
        assert one == other

    def test_refuses_an_unknown_algorithm(self):
        with pytest.raises(Malformed):
            signatures.sign_old(OLD, secret_key=SECRET_KEY, method="POST", host=HOST, algorithm="HmacMD5")


class TestParseAuthorization:
    GOOD = (
        "TC3-HMAC-SHA256 Credential=AKIDx/2023-11-14/tcr/tc3_request, SignedHeaders=content-type;host, "
        f"Signature={'0' * 64}"
    )

    def test_takes_the_header_apart(self):
        found = signatures.parse_authorization(self.GOOD)
        assert (found.secret_id, found.date, found.service) == ("AKIDx", "2023-11-14", "tcr")
        assert found.headers == ("content-type", "host")

    @pytest.mark.parametrize(
        "value",
        [
            "",
            "SKIP",
            "Bearer x",
            GOOD.replace("TC3-HMAC-SHA256", "TC3-HMAC-SM3"),
            GOOD.replace("content-type;host", "host"),
            GOOD.replace("/tc3_request", ""),
            GOOD[:-1],
            GOOD + "0",
        ],
    )
    def test_refuses_anything_else(self, value):
        with pytest.raises(Malformed):
            signatures.parse_authorization(value)


def test_clocks_may_differ_by_five_minutes():
    now = datetime.fromtimestamp(TIMESTAMP, UTC)
    assert all(signatures.is_timely(TIMESTAMP + seconds, now) for seconds in (-300, 0, 300))
    assert not any(signatures.is_timely(TIMESTAMP + seconds, now) for seconds in (-301, 301))
