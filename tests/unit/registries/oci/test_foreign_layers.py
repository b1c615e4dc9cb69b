"""Layers that live outside the registry are read from their addresses, anonymously and under the guard."""

import pytest

from registries.oci.digest import digest_of
from registries.oci.errors import DigestMismatch, HostRefused, NotFound, ServerError
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.manifest import Descriptor
from tests.fakes.artifacts import DOCKER_FOREIGN_LAYER, OCI_LAYER
from tests.fakes.auth import BasicAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import connect, read, run

USER = ("user", "password")
DATA = bytes(range(256)) * 1024
DIGEST = digest_of(DATA)
PATH = f"/v2/windows/base/blobs/{DIGEST}"


@pytest.fixture
def registry():
    with FakeRegistry(auth=BasicAuth(*USER)) as registry:
        yield registry


@pytest.fixture
def elsewhere():
    """A server that holds the layer; that it is a registry too does not matter."""
    with FakeRegistry() as server:
        server.put_blob("windows/base", DATA)
        yield server


def fetch(registry, *urls, media_type=DOCKER_FOREIGN_LAYER, **options):
    layer = Descriptor(media_type, DIGEST, len(DATA), urls=urls)

    async def scenario():
        async with connect(registry.url, credentials=USER, **options) as client:
            # The client knows and sends its credentials when it comes to the foreign layer.
            await client.ping()
            return await read(client.stream_blob("team/app", layer))

    return run(scenario())


class TestStream:
    def test_reads_what_the_registry_lacks_without_credentials(self, registry, elsewhere):
        assert fetch(registry, elsewhere.url + PATH) == DATA
        (asked,) = elsewhere.requests
        assert (asked.method, asked.path, asked.has_authorization) == ("GET", PATH, False)
        assert registry.count("GET", "/v2/team/app/blobs/") == 1

    def test_prefers_the_registry(self, registry, elsewhere):
        registry.put_blob("team/app", DATA)
        assert fetch(registry, elsewhere.url + PATH) == DATA
        assert elsewhere.requests == []

    def test_of_an_ordinary_layer_asks_nobody_else(self, registry, elsewhere):
        with pytest.raises(NotFound):
            fetch(registry, elsewhere.url + PATH, media_type=OCI_LAYER)
        assert elsewhere.requests == []

    def test_of_a_registry_that_fails_asks_nobody_else(self, registry, elsewhere):
        registry.fault(Fault(path="/v2/team/app/", status=500, times=None))
        with pytest.raises(ServerError):
            fetch(registry, elsewhere.url + PATH)
        assert elsewhere.requests == []

    def test_shows_no_credentials_to_the_registry_itself(self, registry):
        registry.put_blob("private/secret", DATA)
        with pytest.raises(NotFound, match="HTTP 401"):
            fetch(registry, f"{registry.url}/v2/private/secret/blobs/{DIGEST}")
        (asked,) = registry.requests_of("GET", "/v2/private/secret/")
        assert not asked.has_authorization

    def test_shows_no_credentials_after_a_redirect_home(self, registry, elsewhere):
        registry.put_blob("private/secret", DATA)
        elsewhere.fault(Fault(redirect_to=f"{registry.url}/v2/private/secret/blobs/{DIGEST}"))
        with pytest.raises(NotFound):
            fetch(registry, elsewhere.url + PATH)
        (asked,) = registry.requests_of("GET", "/v2/private/secret/")
        assert not asked.has_authorization

    @pytest.mark.parametrize("status", [403, 404, 500])
    def test_goes_on_to_the_next_address(self, registry, elsewhere, status):
        elsewhere.fault(Fault(path="/first", status=status, times=None))
        assert fetch(registry, f"{elsewhere.url}/first", elsewhere.url + PATH) == DATA

    def test_says_who_refused_in_the_end(self, registry, elsewhere):
        with pytest.raises(NotFound, match=r"not in the registry, and 127\.0\.0\.1 answers HTTP 404"):
            fetch(registry, f"{elsewhere.url}/v2/gone/blobs/{DIGEST}")

    def test_goes_nowhere_the_guard_forbids(self, registry, elsewhere):
        guard = HostGuard(allowed_networks=["127.0.0.1/32"])
        inside = f"http://127.0.0.2:{elsewhere.port}{PATH}"
        with pytest.raises(HostRefused):
            fetch(registry, inside, "http://169.254.169.254/latest", "file:///etc/passwd", guard=guard)
        assert elsewhere.requests == []
        assert fetch(registry, inside, elsewhere.url + PATH, guard=guard) == DATA

    def test_continues_where_it_was_cut(self, registry, elsewhere):
        elsewhere.fault(Fault(method="GET", cut_response_after=100_000))
        assert fetch(registry, elsewhere.url + PATH) == DATA
        assert [request.headers.get("Range") for request in elsewhere.requests] == [None, "bytes=100000-"]

    def test_believes_nothing_but_the_digest(self, registry, elsewhere):
        elsewhere.fault(Fault(method="GET", wrong_bytes=True, times=None))
        with pytest.raises(DigestMismatch):
            fetch(registry, elsewhere.url + PATH)

    def test_does_not_let_a_stranger_pause_the_registry(self, registry, elsewhere):
        elsewhere.fault(Fault(status=429, headers={"Retry-After": "3600"}, times=None))
        limiter = EndpointLimiter()
        with pytest.raises(ServerError):
            fetch(registry, elsewhere.url + PATH, limiter=limiter)
        assert limiter.snapshot().paused_until is None
