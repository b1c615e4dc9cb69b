import httpx
import pytest

from tests.fakes.content import digest_of

DATA = b"0123456789"
DIGEST = digest_of(DATA)
UPLOADS = "/v2/team/app/blobs/uploads/"


def start(http: httpx.Client, query: str = "") -> str:
    response = http.post(UPLOADS + query)
    assert response.status_code == 202
    return response.headers["Location"]


def patch(http: httpx.Client, location: str, first: int, chunk: bytes) -> httpx.Response:
    content_range = {"Content-Range": f"{first}-{first + len(chunk) - 1}"}
    return http.patch(location, content=chunk, headers=content_range)


class TestFinish:
    def test_takes_the_blob_in_one_put(self, registry, http):
        response = http.put(f"{start(http)}&digest={DIGEST}", content=DATA)
        assert response.status_code == 201
        assert registry.blob("team/app", DIGEST) == DATA
        assert registry.open_uploads() == 0

    def test_refuses_a_wrong_digest(self, registry, http):
        response = http.put(f"{start(http)}&digest={DIGEST}", content=b"other")
        assert response.json()["errors"][0]["code"] == "DIGEST_INVALID"
        assert registry.blobs("team/app") == {}

    def test_insists_on_the_query_of_the_location(self, http):
        location = start(http).partition("?")[0]
        assert http.put(f"{location}?digest={DIGEST}", content=DATA).status_code == 404

    def test_verifies_sha512(self, registry, http):
        digest = digest_of(DATA, "sha512")
        location = start(http, "?digest-algorithm=sha512")
        assert http.put(f"{location}&digest={digest}", content=DATA).status_code == 201
        assert registry.blob("team/app", digest) == DATA

    def test_refuses_an_algorithm_it_does_not_have(self, registry, http):
        registry.options.digest_algorithms = frozenset({"sha256"})
        assert http.post(f"{UPLOADS}?digest-algorithm=sha512").status_code == 400

    def test_counts_and_checks_what_it_discards(self, registry, http):
        registry.options.discard_uploads = True
        assert http.put(f"{start(http)}&digest={DIGEST}", content=DATA).status_code == 201
        assert registry.blobs("team/app") == {DIGEST: 10}
        with pytest.raises(LookupError):
            registry.blob("team/app", DIGEST)


class TestStart:
    def test_takes_the_blob_in_one_post(self, registry, http):
        assert http.post(f"{UPLOADS}?digest={DIGEST}", content=DATA).status_code == 201
        assert registry.blob("team/app", DIGEST) == DATA

    def test_only_opens_a_session_where_one_post_is_not_enough(self, registry, http):
        registry.options.monolithic_post = False
        location = start(http, f"?digest={DIGEST}")
        assert http.put(f"{location}&digest={DIGEST}", content=DATA).status_code == 201

    def test_mounts_from_another_repository(self, registry, http):
        registry.put_blob("base", DATA)
        assert http.post(f"{UPLOADS}?mount={DIGEST}&from=base").status_code == 201
        assert registry.blob("team/app", DIGEST) == DATA

    def test_opens_a_session_when_there_is_nothing_to_mount(self, registry, http):
        location = start(http, f"?mount={DIGEST}&from=base")
        assert http.put(f"{location}&digest={DIGEST}", content=DATA).status_code == 201

    def test_declines_mounts_when_told_to(self, registry, http):
        registry.put_blob("base", DATA)
        registry.options.mount_status = 202
        assert start(http, f"?mount={DIGEST}&from=base")

    def test_refuses_mounts_when_told_to(self, registry, http):
        registry.options.mount_status = 403
        assert http.post(f"{UPLOADS}?mount={DIGEST}&from=base").status_code == 403

    def test_gives_relative_locations_when_told_to(self, registry, http):
        registry.options.relative_locations = True
        assert start(http).startswith(UPLOADS)


class TestAppend:
    def test_takes_chunks_in_order(self, registry, http):
        first = patch(http, start(http), 0, DATA[:4])
        assert (first.status_code, first.headers["Range"]) == (202, "0-3")
        second = patch(http, first.headers["Location"], 4, DATA[4:])
        assert http.put(f"{second.headers['Location']}&digest={DIGEST}").status_code == 201
        assert registry.blob("team/app", DIGEST) == DATA

    def test_refuses_a_chunk_that_leaves_a_gap(self, registry, http):
        first = patch(http, start(http), 0, DATA[:4])
        refused = patch(http, first.headers["Location"], 6, DATA[6:])
        assert (refused.status_code, refused.headers["Range"]) == (416, "0-3")

    def test_appends_anything_when_told_not_to_check(self, registry, http):
        registry.options.checks_content_range = False
        first = patch(http, start(http), 0, DATA[:4])
        assert patch(http, first.headers["Location"], 6, DATA[6:]).status_code == 202


class TestStatus:
    def test_tells_how_much_has_arrived(self, http):
        location = patch(http, start(http), 0, DATA[:4]).headers["Location"]
        response = http.get(location)
        assert (response.status_code, response.headers["Range"]) == (204, "0-3")

    def test_does_not_know_a_lost_session(self, registry, http):
        location = start(http)
        registry.lose_uploads()
        assert http.get(location).json()["errors"][0]["code"] == "BLOB_UPLOAD_UNKNOWN"


class TestCancel:
    def test_forgets_the_session(self, registry, http):
        location = start(http)
        assert http.delete(location).status_code == 204
        assert registry.open_uploads() == 0
