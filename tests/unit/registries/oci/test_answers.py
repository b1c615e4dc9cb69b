import json

import httpx
import pytest

from registries.oci import errors
from registries.oci.answers import error_from_answer, error_from_failure

NOW = 1000.0


def error(status, code="", message="", headers=None, **fields):
    body = json.dumps({"errors": [{"code": code, "message": message, **fields}]}).encode()
    return error_from_answer(status, headers or {}, body, now=NOW, blot=str)


class TestErrorFromAnswer:
    @pytest.mark.parametrize(
        ("status", "code", "kind"),
        [
            (400, "MANIFEST_BLOB_UNKNOWN", errors.BlobUnknown),
            (404, "MANIFEST_BLOB_UNKNOWN", errors.BlobUnknown),
            (400, "MANIFEST_INVALID", errors.ManifestInvalid),
            (400, "DIGEST_INVALID", errors.DigestMismatch),
            (400, "BLOB_UPLOAD_INVALID", errors.UploadLost),
            (404, "BLOB_UPLOAD_UNKNOWN", errors.UploadLost),
            (416, "", errors.UploadLost),
            (400, "NAME_INVALID", errors.Rejected),
            (418, "", errors.Rejected),
            (401, "UNAUTHORIZED", errors.Unauthorized),
            (403, "DENIED", errors.Forbidden),
            (404, "NAME_UNKNOWN", errors.NotFound),
            (405, "UNSUPPORTED", errors.Unsupported),
            (501, "", errors.Unsupported),
            (412, "PRECONDITION", errors.Immutable),
            (413, "", errors.TooLarge),
            (507, "", errors.StorageFull),
            (408, "", errors.ServerError),
            (500, "UNKNOWN", errors.ServerError),
            (500, "MANIFEST_BLOB_UNKNOWN", errors.BlobUnknown),
            (500, "MANIFEST_INVALID", errors.ManifestInvalid),
            (500, "DIGEST_INVALID", errors.ServerError),
            (502, "", errors.ServerError),
            (503, "", errors.ServerError),
            (504, "", errors.ServerError),
            (429, "TOOMANYREQUESTS", errors.Throttled),
            (403, "TOOMANYREQUESTS", errors.Throttled),
        ],
    )
    def test_finds_the_class(self, status, code, kind):
        found = error(status, code)
        assert type(found) is kind
        assert found.status == status

    def test_prefers_the_code_it_knows_and_keeps_the_words_before_it(self):
        """Distribution answers so to a manifest with a layer address that it does not allow."""
        body = {"errors": [{"code": "UNKNOWN", "message": "invalid URL on layer"},
                           {"code": "MANIFEST_BLOB_UNKNOWN", "message": "blob unknown to registry"}]}  # fmt: skip
        found = error_from_answer(500, {}, json.dumps(body).encode(), now=NOW, blot=str)
        assert type(found) is errors.BlobUnknown
        assert found.detail == "MANIFEST_BLOB_UNKNOWN blob unknown to registry; UNKNOWN invalid URL on layer"

    def test_recognises_immutable_tags_and_quotas_by_their_words(self):
        assert isinstance(error(400, "TAG_INVALID", "The image tag 'v1' is immutable"), errors.Immutable)
        assert isinstance(error(403, "DENIED", "adding 5 GiB exceeds the storage Quota"), errors.StorageFull)
        assert isinstance(error(412, "PRECONDITION", "tag protected by immutability rule"), errors.Immutable)

    def test_reads_retry_after_of_429_and_503(self):
        for status in (429, 503):
            found = error(status, headers={"retry-after": "7"})
            assert isinstance(found, errors.Throttled)
            assert found.retry_at == NOW + 7

    def test_leaves_the_time_open_if_the_registry_does(self):
        assert error(429).retry_at == 0.0

    def test_keeps_the_registry_s_own_words(self):
        assert (
            error(404, "NAME_UNKNOWN", "no such repo", detail="team/app").detail
            == "NAME_UNKNOWN no such repo: team/app"
        )

    def test_keeps_plain_words_and_no_pages(self):
        assert error_from_answer(500, {}, b"upstream\n  down", now=NOW, blot=str).detail == "upstream down"
        assert error_from_answer(500, {}, b"<html>Bad gateway</html>", now=NOW, blot=str).detail == ""

    def test_cuts_long_words(self):
        assert len(error(400, "X", "y" * 5000).detail) == 500

    @pytest.mark.parametrize(
        "body", [b"", b"null", b"[]", b'{"errors": []}', b'{"errors": [null]}', b'{"errors": 5}', b"\xff\xfe"]
    )
    def test_survives_every_body(self, body):
        assert isinstance(error_from_answer(404, {}, body, now=NOW, blot=str), errors.NotFound)


class TestErrorFromFailure:
    @pytest.mark.parametrize(
        ("failure", "kind"),
        [
            (httpx.ConnectError("x"), errors.Unreachable),
            (httpx.ConnectTimeout("x"), errors.Unreachable),
            (httpx.ReadTimeout("x"), errors.Stalled),
            (httpx.WriteTimeout("x"), errors.Stalled),
            (httpx.ReadError("x"), errors.ConnectionCut),
            (httpx.RemoteProtocolError("x"), errors.ConnectionCut),
        ],
    )
    def test_finds_the_class(self, failure, kind):
        assert type(error_from_failure(failure, str)) is kind


class TestRegistryError:
    def test_says_code_status_and_words(self):
        assert str(errors.NotFound("no such tag", status=404)) == "not_found (HTTP 404): no such tag"
        assert str(errors.Stalled()) == "stalled"

    def test_has_a_code_of_its_own_in_every_class(self):
        def leaves(kind):
            below = kind.__subclasses__()
            return [leaf for child in below for leaf in leaves(child)] if below else [kind]

        codes = [kind.code for kind in leaves(errors.RegistryError)]
        assert len(codes) == len(set(codes))
        assert "registry_error" not in codes
