import hashlib

import httpx
import pytest

from tests.fakes.content import digest_of
from tests.fakes.object_storage import ObjectStorage

DATA = b"0123456789"
DIGEST = digest_of(DATA)
BLOB = f"/v2/team/app/blobs/{DIGEST}"


@pytest.fixture(autouse=True)
def blob(registry):
    registry.put_blob("team/app", DATA)


class TestRead:
    @pytest.mark.parametrize(
        ("asked", "content", "content_range"),
        [
            ("bytes=0-3", b"0123", "bytes 0-3/10"),
            ("bytes=4-", b"456789", "bytes 4-9/10"),
            ("bytes=8-100", b"89", "bytes 8-9/10"),
            ("bytes=-2", b"89", "bytes 8-9/10"),
        ],
    )
    def test_serves_a_range(self, http, asked, content, content_range):
        response = http.get(BLOB, headers={"Range": asked})
        assert (response.status_code, response.content) == (206, content)
        assert response.headers["Content-Range"] == content_range

    def test_refuses_a_range_behind_the_end(self, http):
        response = http.get(BLOB, headers={"Range": "bytes=10-"})
        assert response.status_code == 416
        assert response.headers["Content-Range"] == "bytes */10"

    def test_ignores_ranges_when_told_to(self, registry, http):
        registry.options.serves_ranges = False
        response = http.get(BLOB, headers={"Range": "bytes=4-"})
        assert (response.status_code, response.content) == (200, DATA)

    def test_tells_the_size_in_head(self, http):
        response = http.head(BLOB)
        assert (response.headers["Content-Length"], response.content) == ("10", b"")

    def test_serves_synthetic_bytes_that_match_their_digest(self, registry, http):
        digest = registry.put_synthetic_blob("team/app", 3_000_001, seed=7)
        content = http.get(f"/v2/team/app/blobs/{digest}").content
        assert len(content) == 3_000_001
        assert digest == f"sha256:{hashlib.sha256(content).hexdigest()}"
        tail = http.get(f"/v2/team/app/blobs/{digest}", headers={"Range": "bytes=1000000-"}).content
        assert tail == content[1_000_000:]


class TestDelete:
    def test_removes_the_blob_from_its_repository(self, registry, http):
        assert http.delete(BLOB).status_code == 202
        assert http.head(BLOB).status_code == 404


class TestObjectStorage:
    def test_serves_what_the_registry_redirects(self, registry, http):
        with ObjectStorage(registry) as storage:
            redirect = http.get(BLOB)
            assert redirect.status_code == 307
            location = redirect.headers["Location"]
            assert location.startswith(storage.url)
            assert httpx.get(location, headers={"Range": "bytes=5-"}).content == b"56789"

    def test_refuses_credentials_besides_the_signature(self, registry, http):
        with ObjectStorage(registry):
            location = http.get(BLOB).headers["Location"]
            assert httpx.get(location, auth=("user", "password")).status_code == 400

    def test_refuses_another_method_than_was_signed(self, registry, http):
        with ObjectStorage(registry):
            assert httpx.head(http.get(BLOB).headers["Location"]).status_code == 403

    def test_leaves_blobs_to_the_registry_when_it_ends(self, registry, http):
        with ObjectStorage(registry):
            pass
        assert http.get(BLOB).content == DATA
