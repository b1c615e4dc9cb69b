import asyncio
import contextlib

import pytest

from registries.oci.errors import (
    ConnectionCut,
    DigestMismatch,
    HostRefused,
    NotFound,
    Rejected,
    ServerError,
    SizeMismatch,
    Stalled,
)
from registries.oci.limits import EndpointLimiter
from registries.oci.manifest import Descriptor
from tests.fakes.auth import BasicAuth
from tests.fakes.content import InMemory
from tests.fakes.faults import Fault
from tests.fakes.object_storage import ObjectStorage
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import IMPATIENT, QUICK, connect, describe, read, run

USER = ("user", "password")
DATA = bytes(range(256)) * 4096  # 1 MiB
BLOB = describe(DATA)
HALF = len(DATA) // 2


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        registry.put_blob("team/app", DATA)
        yield registry


def fetch(registry, descriptor=BLOB, **options):
    offset = options.pop("offset", 0)
    verify = options.pop("verify", True)

    async def scenario():
        async with connect(registry.url, **options) as client:
            open_blob = client.stream_blob if verify else client.lend_blob
            return await read(open_blob("team/app", descriptor, offset=offset))

    return run(scenario())


def ranges(registry):
    return [request.headers.get("Range") for request in registry.requests_of("GET")]


class TestStream:
    def test_brings_the_bytes_in_one_request(self, registry):
        assert fetch(registry) == DATA
        assert len(registry.requests) == 1

    def test_asks_for_bytes_as_they_are(self, registry):
        fetch(registry)
        assert registry.requests[0].headers["Accept-Encoding"] == "identity"

    def test_begins_at_an_offset(self, registry):
        assert fetch(registry, offset=HALF) == DATA[HALF:]
        assert ranges(registry) == [f"bytes={HALF}-"]

    def test_of_an_unknown_blob_is_not_found(self, registry):
        with pytest.raises(NotFound):
            fetch(registry, describe(b"other"))

    def test_of_an_empty_blob_needs_no_request(self, registry):
        assert fetch(registry, describe(b"")) == b""
        assert fetch(registry, describe(b"", "sha512")) == b""
        assert registry.requests == []

    def test_does_not_believe_that_just_anything_is_empty(self, registry):
        with pytest.raises(DigestMismatch):
            fetch(registry, Descriptor("a/b", BLOB.digest, 0))

    def test_takes_inline_data_without_a_request(self, registry):
        inline = Descriptor("a/b", describe(b"inline").digest, 6, data=b"inline")
        assert fetch(registry, inline) == b"inline"
        assert fetch(registry, inline, offset=2) == b"line"
        assert registry.requests == []

    def test_verifies_sha512_as_well(self, registry):
        registry.put_blob("team/app", DATA, "sha512")
        assert fetch(registry, describe(DATA, "sha512")) == DATA

    def test_refuses_names_that_could_leave_their_path(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                for name in ("../x", "a/../b", "A"):
                    with pytest.raises(Rejected):
                        await read(client.stream_blob(name, BLOB))
                with pytest.raises(Rejected):
                    await client.has_blob("team/app", "latest")

        run(scenario())
        assert registry.requests == []


class TestVerification:
    def test_notices_wrong_bytes(self, registry):
        registry.fault(Fault(method="GET", wrong_bytes=True))
        with pytest.raises(DigestMismatch):
            fetch(registry)

    def test_can_be_left_to_the_caller(self, registry):
        registry.fault(Fault(method="GET", wrong_bytes=True))
        assert fetch(registry, verify=False) != DATA

    def test_never_yields_more_than_the_size(self, registry):
        registry.put_content("team/app", InMemory(DATA + b"more"), BLOB.digest)
        registry.fault(Fault(method="GET", drop_headers=("Content-Length",), times=None))
        seen = 0

        async def scenario():
            nonlocal seen
            async with connect(registry.url) as client:
                async for chunk in client.stream_blob("team/app", BLOB):
                    seen += len(chunk)

        with pytest.raises(SizeMismatch):
            run(scenario())
        assert seen <= len(DATA)

    def test_notices_a_length_that_cannot_be_right_before_reading(self, registry):
        registry.put_content("team/app", InMemory(DATA + b"more"), BLOB.digest)
        with pytest.raises(SizeMismatch, match="bytes, not"):
            fetch(registry)

    def test_notices_a_blob_that_is_shorter(self, registry):
        registry.put_content("team/app", InMemory(DATA[:HALF]), BLOB.digest)
        registry.fault(Fault(method="GET", drop_headers=("Content-Length",), times=None))
        with pytest.raises(SizeMismatch, match="ends"):
            fetch(registry)


class TestResume:
    @pytest.mark.parametrize("cut", [1, 1000, HALF, len(DATA) - 1])
    def test_continues_behind_what_has_arrived(self, registry, cut):
        registry.fault(Fault(method="GET", cut_response_after=cut))
        assert fetch(registry) == DATA
        assert ranges(registry) == [None, f"bytes={cut}-"]

    def test_begins_again_if_nothing_arrived(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=0))
        assert fetch(registry) == DATA
        assert ranges(registry) == [None, None]

    def test_goes_on_for_as_long_as_there_is_progress(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=100_000, times=9))
        assert fetch(registry) == DATA
        assert len(registry.requests) == 10

    def test_gives_up_without_progress(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=HALF))
        registry.fault(Fault(method="GET", cut_response_after=0, times=None))
        with pytest.raises(ConnectionCut):
            fetch(registry)
        assert len(registry.requests) == QUICK.attempts

    def test_discards_what_was_seen_if_the_registry_knows_no_ranges(self, registry):
        registry.options.serves_ranges = False
        registry.fault(Fault(method="GET", cut_response_after=HALF))
        assert fetch(registry) == DATA
        assert [request.status for request in registry.requests] == [200, 200]

    @pytest.mark.parametrize(
        "content_range", ["bytes 900000-1048575/1048576", "bytes */1048576", "nonsense", ""]
    )
    def test_asks_without_a_range_after_an_answer_with_another_one(self, registry, content_range):
        registry.fault(Fault(method="GET", cut_response_after=HALF))
        registry.fault(Fault(method="GET", replace_headers={"Content-Range": content_range}))
        assert fetch(registry) == DATA
        assert ranges(registry) == [None, f"bytes={HALF}-", None]

    def test_skips_the_overlap_of_a_range_that_begins_earlier(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=HALF))
        partial = DATA[HALF - 10 :]
        headers = {"Content-Range": f"bytes {HALF - 10}-{len(DATA) - 1}/{len(DATA)}"}
        registry.fault(Fault(method="GET", status=206, headers=headers, body=partial))
        assert fetch(registry) == DATA

    def test_survives_server_errors_between(self, registry):
        registry.fault(Fault(method="GET", cut_response_after=HALF))
        registry.fault(Fault(method="GET", status=502))
        assert fetch(registry) == DATA
        assert [request.status for request in registry.requests] == [200, 502, 206]

    def test_follows_a_stall(self, registry):
        registry.fault(Fault(method="GET", stall_after=HALF))
        assert fetch(registry, timeouts=IMPATIENT) == DATA
        assert ranges(registry) == [None, f"bytes={HALF}-"]

    def test_ends_in_stalled_if_nothing_ever_moves(self, registry):
        registry.fault(Fault(method="GET", stall_after=0, times=None))
        with pytest.raises(Stalled):
            fetch(registry, timeouts=IMPATIENT)

    def test_still_verifies_the_whole(self, registry):
        registry.fault(Fault(method="GET", wrong_bytes=True, cut_response_after=HALF))
        with pytest.raises(DigestMismatch):
            fetch(registry)


class TestRedirects:
    @pytest.fixture
    def registry(self):
        with FakeRegistry(auth=BasicAuth(*USER)) as registry:
            registry.put_blob("team/app", DATA)
            yield registry

    @pytest.fixture
    def storage(self, registry):
        with ObjectStorage(registry) as storage:
            yield storage

    def test_are_followed_without_credentials(self, registry, storage):
        assert fetch(registry, credentials=USER) == DATA
        assert storage.requests
        assert not any(request.has_authorization for request in storage.requests)

    def test_are_begun_anew_at_the_registry_when_a_download_was_cut(self, registry, storage):
        storage.fault(Fault(cut_response_after=HALF))
        assert fetch(registry, credentials=USER) == DATA
        assert [request.status for request in registry.requests] == [401, 307, 307]
        assert [request.headers.get("Range") for request in storage.requests] == [None, f"bytes={HALF}-"]

    def test_survive_a_signed_address_that_expired(self, registry, storage):
        storage.fault(Fault(status=403, body=b"<Error>Request has expired</Error>"))
        assert fetch(registry, credentials=USER) == DATA

    def test_into_a_store_that_keeps_refusing_are_no_matter_of_credentials(self, registry, storage):
        storage.fault(Fault(status=401, times=None))
        with pytest.raises(ServerError, match="the store behind"):
            fetch(registry, credentials=USER)

    def test_of_head_may_end_at_an_address_signed_for_get(self, registry, storage):
        async def scenario():
            async with connect(registry.url, credentials=USER) as client:
                storage.fault(Fault(method="HEAD", status=403))
                assert await client.has_blob("team/app", BLOB.digest)

        run(scenario())

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    def test_are_known_by_every_status(self, registry, storage, status):
        registry.store_blobs_at(None)
        address = f"{storage.url}/team/app/{BLOB.digest}?signed-for=GET"
        registry.fault(
            Fault(method="GET", path="blobs", status=status, headers={"Location": address}, after=1)
        )
        assert fetch(registry, credentials=USER) == DATA

    def test_in_circles_end(self, registry):
        registry.fault(Fault(method="GET", path="blobs", redirect_to="{path}", times=None))
        with pytest.raises(Rejected, match="circles"):
            fetch(registry)
        assert len(registry.requests) == 6

    def test_are_followed_back_home_with_credentials(self, registry):
        registry.fault(Fault(method="GET", path="blobs", redirect_to="{path}", after=1))
        assert fetch(registry, credentials=USER) == DATA

    @pytest.mark.parametrize(
        "location", ["http://169.254.169.254/", "http://10.0.0.1:22/", "file:///etc/passwd", "http://[::1"]
    )
    def test_to_where_the_guard_forbids_are_refused(self, registry, location):
        registry.fault(Fault(method="GET", path="blobs", redirect_to=location, times=None))
        with pytest.raises(HostRefused):
            fetch(registry)

    def test_without_a_location_are_an_error(self, registry):
        registry.fault(Fault(method="GET", path="blobs", status=307, times=None))
        with pytest.raises(Rejected):
            fetch(registry)


class TestHas:
    def test_asks_once(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                assert await client.has_blob("team/app", BLOB.digest)
                assert not await client.has_blob("team/app", describe(b"other").digest)

        run(scenario())
        assert [request.status for request in registry.requests] == [200, 404]

    def test_of_a_registry_that_fails_is_no_answer(self, registry):
        registry.fault(Fault(method="HEAD", status=500, times=None))

        async def scenario():
            async with connect(registry.url) as client:
                with pytest.raises(ServerError):
                    await client.has_blob("team/app", BLOB.digest)

        run(scenario())


class TestSlots:
    def test_are_given_back_when_reading_stops_early(self, registry):
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, limiter=limiter) as client:
                async with contextlib.aclosing(client.stream_blob("team/app", BLOB)) as chunks:
                    async for _ in chunks:
                        assert limiter.snapshot().in_flight == 1
                        break
                assert limiter.snapshot().in_flight == 0
                assert await client.has_blob("team/app", BLOB.digest)

        run(scenario())

    def test_are_given_back_when_reading_is_cancelled(self, registry):
        registry.fault(Fault(method="GET", stall_after=HALF))
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, limiter=limiter) as client:
                task = asyncio.create_task(read(client.stream_blob("team/app", BLOB)))
                while limiter.snapshot().in_flight == 0:
                    await asyncio.sleep(0.001)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
                assert limiter.snapshot().in_flight == 0

        run(scenario())

    @pytest.mark.parametrize(
        "fault", [Fault(status=500, times=None), Fault(cut_response_after=10, times=3), Fault(status=404)]
    )
    def test_are_given_back_after_every_failure(self, registry, fault):
        registry.fault(fault)
        limiter = EndpointLimiter()
        with contextlib.suppress(NotFound, ServerError, ConnectionCut):
            fetch(registry, limiter=limiter)
        assert limiter.snapshot().in_flight == 0


def test_bandwidth_of_the_endpoint_counts_what_was_read(registry):
    limiter = EndpointLimiter(bytes_per_second=1e9)
    assert fetch(registry, limiter=limiter) == DATA
    assert limiter.bandwidth is not None
    spent = [limiter.bandwidth.reserve(1e9) for _ in range(2)]
    assert spent[1] > 0
