import asyncio

import pytest

from registries.oci.errors import (
    DigestMismatch,
    Forbidden,
    HostRefused,
    NotFound,
    RegistryError,
    Rejected,
    ServerError,
    SizeMismatch,
    Stalled,
    StorageFull,
    TooLarge,
)
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import IMPATIENT, Source, begin, connect, describe, run

USER = ("user", "password")
DATA = bytes(range(256)) * 4096  # 1 MiB
BLOB = describe(DATA)
HALF = len(DATA) // 2
UPLOADS = "/blobs/uploads/"


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


def upload(registry, source, descriptor=BLOB, algorithm="sha256", **options):
    async def scenario():
        async with connect(registry.url, writes=True, **options) as client:
            session = await begin(client, "team/app", algorithm)
            await client.upload_blob(session, descriptor, source)

    run(scenario())


def calls(registry):
    return [(request.method, request.status) for request in registry.requests]


class TestUpload:
    @pytest.mark.parametrize("relative", [True, False])
    def test_is_one_post_and_one_put(self, registry, relative):
        registry.options.relative_locations = relative
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert calls(registry) == [("POST", 202), ("PUT", 201)]

    def test_says_how_long_everything_is(self, registry):
        upload(registry, Source(DATA))
        post, put = registry.requests
        assert post.headers.getall("Content-Length") == ["0"]
        assert put.headers.getall("Content-Length") == [str(len(DATA))]
        assert "Transfer-Encoding" not in put.headers
        assert put.headers["Content-Type"] == "application/octet-stream"

    def test_of_an_empty_blob_asks_the_source_for_nothing(self, registry):
        source = Source(b"")
        upload(registry, source, describe(b""))
        assert registry.blob("team/app", describe(b"").digest) == b""
        assert source.offsets == []

    def test_with_sha512_says_so_when_it_begins(self, registry):
        upload(registry, Source(DATA), describe(DATA, "sha512"), "sha512")
        assert registry.requests[0].query["digest-algorithm"] == "sha512"
        assert registry.blob("team/app", describe(DATA, "sha512").digest) == DATA

    def test_closes_its_source(self, registry):
        source = Source(DATA)
        upload(registry, source)
        assert source.open_count == 0

    @pytest.mark.parametrize("status", [200, 201, 204])
    def test_accepts_what_registries_answer_to_a_finished_upload(self, registry, status):
        registry.fault(Fault(method="PUT", status=status))
        upload(registry, Source(DATA))

    def test_is_given_a_new_token_on_the_way(self):
        auth = BearerAuth(*USER)
        with FakeRegistry(auth=auth) as registry:

            async def scenario():
                async with connect(registry.url, credentials=USER, writes=True) as client:
                    session = await begin(client, "team/app")
                    auth.expire_tokens()
                    await client.upload_blob(session, BLOB, Source(DATA))

            run(scenario())
            assert registry.blob("team/app", BLOB.digest) == DATA
            assert registry.count("POST") == 2

    def test_survives_a_connection_that_was_closed_while_idle(self, registry):
        async def scenario():
            async with connect(registry.url, writes=True) as client:
                session = await begin(client, "team/app")
                await asyncio.to_thread(registry.stop)
                await asyncio.to_thread(registry.start)
                await client.upload_blob(session, BLOB, Source(DATA))

        run(scenario())
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_may_go_to_the_registry_itself_spelled_otherwise(self, registry):
        location = f"http://someone:secret@127.0.0.1:{registry.port}/put"
        registry.fault(Fault(method="POST", status=202, headers={"Location": location}))
        registry.fault(Fault(method="PUT", path="^/put$", status=201))
        upload(registry, Source(DATA))
        assert not registry.requests_of("PUT")[0].has_authorization

    def test_without_a_location_is_an_error_of_the_registry(self, registry):
        registry.fault(Fault(method="POST", drop_headers=("Location",), times=None))
        with pytest.raises(ServerError, match="does not say where"):
            upload(registry, Source(DATA))

    @pytest.mark.parametrize(
        ("status", "kind"), [(403, Forbidden), (507, StorageFull), (400, Rejected), (404, NotFound)]
    )
    def test_that_may_not_begin_is_permanent(self, registry, status, kind):
        registry.fault(Fault(method="POST", status=status, times=None))
        with pytest.raises(kind):
            upload(registry, Source(DATA))
        assert len(registry.requests) == 1

    def test_refused_in_the_end_is_permanent(self, registry):
        registry.fault(Fault(method="PUT", status=507, times=None))
        with pytest.raises(StorageFull):
            upload(registry, Source(DATA))
        assert registry.count("PUT") == 1

    def test_notices_that_something_else_was_stored(self, registry):
        wrong = {"Docker-Content-Digest": describe(b"other").digest}
        registry.fault(Fault(method="PUT", replace_headers=wrong, times=None))
        with pytest.raises(DigestMismatch, match="stored"):
            upload(registry, Source(DATA))


class TestLocation:
    def test_on_another_host_gets_no_credentials(self):
        with FakeRegistry(auth=BasicAuth(*USER)) as registry, FakeRegistry() as store:
            registry.fault(
                Fault(method="POST", status=202, after=1, headers={"Location": f"{store.url}/put?sig=a%2Fb"})
            )
            store.fault(Fault(method="PUT", status=201))

            async def scenario():
                async with connect(registry.url, credentials=USER, writes=True) as client:
                    session = await begin(client, "team/app")
                    await client.upload_blob(session, BLOB, Source(DATA))

            run(scenario())
            (put,) = store.requests
        assert not put.has_authorization
        assert put.raw_query.startswith("sig=a%2Fb&digest=sha256%3A")

    @pytest.mark.parametrize(
        "location", ["http://169.254.169.254/x", "http://10.0.0.1/x", "ftp://x/", "http://[::1"]
    )
    def test_where_the_guard_forbids_is_refused(self, registry, location):
        registry.fault(Fault(method="POST", status=202, headers={"Location": location}))
        with pytest.raises(HostRefused):
            upload(registry, Source(DATA))


class TestSourceFailure:
    def test_is_passed_on_with_its_side_and_ends_the_session(self, registry):
        async def broken(offset):
            yield DATA[:1000]
            raise NotFound("gone")

        with pytest.raises(NotFound) as caught:
            upload(registry, broken)
        assert caught.value.side == "source"
        assert registry.count("PUT") == 1
        assert registry.count("DELETE") == 1
        assert registry.open_uploads() == 0

    def test_of_any_other_kind_is_passed_on_as_it_is(self, registry):
        class StoppedError(Exception):
            pass

        async def stopped(offset):
            yield DATA[:1000]
            raise StoppedError

        with pytest.raises(StoppedError):
            upload(registry, stopped)
        assert registry.open_uploads() == 0

    @pytest.mark.parametrize(
        ("data", "kind"),
        [
            (DATA[:-1] + b"!", DigestMismatch),
            (b"!" + DATA[1:], DigestMismatch),
            (DATA[:-1], SizeMismatch),
            (DATA + b"!", SizeMismatch),
        ],
    )
    def test_of_wrong_bytes_never_finishes_the_upload(self, registry, data, kind):
        with pytest.raises(kind) as caught:
            upload(registry, Source(data, chunk_size=1_000_003))
        assert caught.value.side == "source"
        assert registry.blobs("team/app") == {}
        assert registry.requests_of("PUT")[0].request_bytes < len(DATA)
        assert registry.open_uploads() == 0


class TestResume:
    def test_asks_how_far_the_registry_got_and_sends_the_rest(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        source = Source(DATA)
        upload(registry, source)
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert calls(registry)[2:] == [("GET", 204), ("PATCH", 202), ("PUT", 201)]
        assert source.offsets == [0, HALF]
        (patch,) = registry.requests_of("PATCH")
        assert patch.headers["Content-Range"] == f"{HALF}-{len(DATA) - 1}"
        assert registry.requests_of("PUT")[-1].headers["Content-Length"] == "0"

    def test_resumes_as_often_as_there_is_progress(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=200_000))
        registry.fault(Fault(method="PATCH", cut_request_after=150_000, times=5))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("POST") == 1

    def test_finishes_an_upload_of_which_only_the_answer_was_lost(self, registry):
        registry.fault(Fault(method="PUT", lose_answer=True))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_only_finishes_if_the_registry_has_everything(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=len(DATA)))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("PATCH") == 0

    def test_begins_a_new_session_if_nothing_was_kept(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=0))
        source = Source(DATA)
        upload(registry, source)
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("POST") == 2
        assert source.offsets[-1] == 0

    def test_begins_a_new_session_if_the_registry_forgot_the_old_one(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=HALF, lose_upload=True))
        registry.fault(Fault(method="GET", lose_upload=True))
        source = Source(DATA)
        upload(registry, source)
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("POST") == 2
        assert source.offsets == [0, 0]

    def test_begins_a_new_session_if_the_registry_cannot_be_asked_how_far_it_is(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        registry.fault(Fault(method="GET", status=405, times=None))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.open_uploads() == 0

    def test_survives_a_registry_that_lost_what_it_said_it_kept(self, registry):
        """Some keep only the last of several chunks; the digest is then wrong in the end."""
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        registry.fault(Fault(method="PUT", status=400, body=b'{"errors":[{"code":"DIGEST_INVALID"}]}'))
        source = Source(DATA)
        upload(registry, source)
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("POST") == 2
        assert source.offsets == [0, HALF, 0]

    def test_survives_a_registry_whose_patch_kept_less_than_was_sent(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        registry.fault(Fault(method="PATCH", replace_headers={"Range": f"0-{HALF}"}))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA

    @pytest.mark.parametrize("fault", [{"status": 416}, {"replace_headers": {"Range": f"0-{HALF}"}}])
    def test_gives_the_old_session_back_when_its_range_is_refused(self, registry, fault):
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        registry.fault(Fault(method="PATCH", **fault))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert (registry.count("POST"), registry.count("DELETE")) == (2, 1)
        assert registry.open_uploads() == 0

    def test_accepts_a_patch_that_is_answered_as_created(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=HALF))
        registry.fault(Fault(method="PATCH", drop_headers=("Range", "Location")))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_of_a_registry_that_always_cuts_ends(self, registry):
        registry.fault(Fault(method="PUT", cut_request_after=100, times=None))
        with pytest.raises(RegistryError):
            upload(registry, Source(DATA))
        assert registry.count("PUT") <= 5

    def test_follows_server_errors(self, registry):
        registry.fault(Fault(method="PUT", status=502))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_follows_a_refusal_that_names_the_session(self, registry):
        registry.fault(Fault(method="PUT", status=400, body=b'{"errors":[{"code":"BLOB_UPLOAD_INVALID"}]}'))
        upload(registry, Source(DATA))
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("POST") == 2

    def test_verifies_bytes_once_and_in_order(self, registry):
        """The second half is wrong only when it is read the first time, which is the time that counts."""
        changed = bytearray(DATA)
        changed[-1] ^= 1
        sources = iter([Source(bytes(DATA)), Source(bytes(changed))])
        registry.fault(Fault(method="PUT", cut_request_after=HALF))

        def source(offset):
            return next(sources)(offset)

        async def scenario():
            async with connect(registry.url, writes=True) as client:
                session = await begin(client, "team/app")
                await client.upload_blob(session, BLOB, source)

        with pytest.raises(RegistryError):
            run(scenario())
        assert registry.blobs("team/app") == {}


class TestStall:
    def test_of_a_registry_that_takes_no_bytes_is_noticed(self, registry):
        big = bytes(32 * 1024 * 1024)
        registry.fault(Fault(method="PUT", delay_seconds=5, times=None))
        with pytest.raises(Stalled):
            upload(registry, Source(big), describe(big), timeouts=IMPATIENT)

    def test_of_the_source_is_not_held_against_the_registry(self, registry):
        async def slow(offset):
            yield DATA[:HALF]
            await asyncio.sleep(IMPATIENT.stall_seconds * 2)
            yield DATA[HALF:]

        upload(registry, slow, timeouts=IMPATIENT)
        assert registry.blob("team/app", BLOB.digest) == DATA
        assert registry.count("PUT") == 1


class TestTooLarge:
    SIZE = 40 * 1024 * 1024

    def test_is_answered_by_sending_pieces(self, registry):
        data = bytes(self.SIZE)
        registry.fault(Fault(method="PUT", status=413))
        upload(registry, Source(data, 1024 * 1024), describe(data))
        assert registry.blobs("team/app") == {describe(data).digest: self.SIZE}
        assert [request.request_bytes for request in registry.requests_of("PATCH")] == [
            16 * 1024 * 1024,
            16 * 1024 * 1024,
            8 * 1024 * 1024,
        ]

    def test_heeds_the_least_size_of_a_piece(self, registry):
        data = bytes(self.SIZE)
        registry.options.min_chunk_bytes = 20 * 1024 * 1024
        registry.fault(Fault(method="PUT", status=413))
        upload(registry, Source(data, 1024 * 1024), describe(data))
        assert len(registry.requests_of("PATCH")) == 2

    def test_is_permanent_for_a_blob_that_is_small_already(self, registry):
        registry.fault(Fault(method="PUT", status=413, times=None))
        with pytest.raises(TooLarge):
            upload(registry, Source(DATA))
