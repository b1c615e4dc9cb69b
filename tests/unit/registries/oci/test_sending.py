import asyncio
import time
from email.utils import formatdate

import httpx
import pytest

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import (
    ConnectionCut,
    HostRefused,
    NotFound,
    Rejected,
    ServerError,
    Stalled,
    Throttled,
    Unreachable,
)
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from tests.fakes.auth import BasicAuth
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import IMPATIENT, LOOPBACK, QUICK, begin, connect, run

USER = ("user", "password")


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


def ping(url, **options):
    async def scenario():
        async with connect(url, **options) as client:
            await client.ping()

    run(scenario())


class TestRetry:
    @pytest.mark.parametrize("status", [408, 500, 502, 503, 504])
    def test_follows_what_may_pass(self, registry, status):
        registry.fault(Fault(status=status, times=2))
        ping(registry.url)
        assert len(registry.requests) == 3

    def test_ends(self, registry):
        registry.fault(Fault(status=500, times=None))
        with pytest.raises(ServerError):
            ping(registry.url)
        assert len(registry.requests) == QUICK.attempts

    @pytest.mark.parametrize(("status", "kind"), [(404, NotFound), (418, Rejected)])
    def test_does_not_follow_what_cannot_succeed(self, registry, status, kind):
        registry.fault(Fault(status=status, times=None))
        with pytest.raises(kind):
            ping(registry.url)
        assert len(registry.requests) == 1

    def test_follows_a_cut_connection(self, registry):
        registry.fault(Fault(cut_request_after=0, times=2))
        ping(registry.url)

    def test_of_cut_connections_ends(self, registry):
        registry.fault(Fault(cut_request_after=0, times=None))
        with pytest.raises(ConnectionCut):
            ping(registry.url)

    def test_survives_a_connection_that_was_closed_while_idle(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                await client.ping()
                await asyncio.to_thread(registry.stop)
                await asyncio.to_thread(registry.start)
                upload = await begin(client, "team/app")
                await client.cancel_upload(upload)

        run(scenario())

    def test_of_a_silent_registry_ends_in_stalled(self, registry):
        registry.fault(Fault(delay_seconds=5, times=None))
        with pytest.raises(Stalled):
            ping(registry.url, timeouts=IMPATIENT)


class TestUnreachable:
    def test_is_a_host_that_refuses_connections(self, registry):
        registry.stop()
        with pytest.raises(Unreachable, match="onnection refused") as caught:
            ping(registry.url)
        assert "127.0.0.1" in caught.value.detail
        registry.start()

    def test_is_a_name_that_nobody_knows(self):
        with pytest.raises(Unreachable, match="cannot be resolved"):
            ping("http://no-such-host.invalid")

    def test_is_a_host_that_speaks_no_tls(self, registry):
        with pytest.raises(Unreachable, match="TLS"):
            ping(registry.url.replace("http:", "https:"))


class TestThrottling:
    @pytest.mark.parametrize("status", [429, 503])
    def test_is_waited_out_if_it_is_short(self, registry, status):
        registry.fault(Fault(status=status, headers={"Retry-After": "0.05"}, times=2))
        ping(registry.url)
        assert len(registry.requests) == 3

    def test_is_an_error_at_once_if_it_is_long(self, registry):
        registry.fault(Fault(status=429, headers={"Retry-After": "21600"}, times=None))
        limiter = EndpointLimiter()
        before = time.time()
        with pytest.raises(Throttled) as caught:
            ping(registry.url, limiter=limiter)
        assert 21_590 < caught.value.retry_at - before < 21_610
        assert limiter.snapshot().paused_until == caught.value.retry_at
        assert len(registry.requests) == 1

    def test_may_name_a_date(self, registry):
        date = formatdate(time.time() + 3600, usegmt=True)
        registry.fault(Fault(status=429, headers={"Retry-After": date}, times=None))
        before = time.time()
        with pytest.raises(Throttled) as caught:
            ping(registry.url)
        assert 3590 < caught.value.retry_at - before < 3610

    def test_pauses_every_client_of_the_endpoint(self, registry):
        registry.fault(Fault(status=429, headers={"Retry-After": "3600"}))
        limiter = EndpointLimiter()
        with pytest.raises(Throttled):
            ping(registry.url, limiter=limiter)
        with pytest.raises(Throttled):
            ping(registry.url, limiter=limiter)
        assert len(registry.requests) == 1

    def test_shows_the_registry_s_own_words(self, registry):
        body = b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit"}]}'
        registry.fault(Fault(status=429, headers={"Retry-After": "3600"}, body=body))
        limiter = EndpointLimiter()
        with pytest.raises(Throttled, match="pull rate limit"):
            ping(registry.url, limiter=limiter)
        assert "pull rate limit" in limiter.snapshot().pause_reason

    def test_halves_the_concurrency(self, registry):
        registry.fault(Fault(status=429, headers={"Retry-After": "3600"}))
        limiter = EndpointLimiter(initial_concurrency=32)
        with pytest.raises(Throttled):
            ping(registry.url, limiter=limiter)
        assert limiter.snapshot().limit == 16

    def test_that_never_ends_is_given_up(self, registry):
        registry.fault(Fault(status=429, headers={"Retry-After": "0"}, times=None))
        with pytest.raises(Throttled):
            ping(registry.url)
        assert len(registry.requests) == QUICK.throttled_attempts

    def test_shows_what_is_left(self, registry):
        registry.fault(Fault(status=200, headers={"RateLimit-Remaining": "76;w=21600"}))
        limiter = EndpointLimiter()
        ping(registry.url, limiter=limiter)
        assert limiter.snapshot().remaining == 76

    def test_begins_with_the_last_request_that_a_quota_allows(self, registry):
        headers = {"RateLimit-Remaining": "0;w=21600", "RateLimit-Reset": "3600"}
        registry.fault(Fault(status=200, headers=headers, times=None))
        limiter = EndpointLimiter()
        ping(registry.url, limiter=limiter)
        with pytest.raises(Throttled, match="quota") as caught:
            ping(registry.url, limiter=limiter)
        assert caught.value.retry_at == limiter.snapshot().paused_until
        assert len(registry.requests) == 1

    def test_leaves_questions_that_cost_no_quota_alone(self, registry):
        """Source: Docker Hub, "Pull usage and limits": a HEAD is not counted, and tells what is left."""
        fault = Fault(method="HEAD", replace_headers={"RateLimit-Remaining": "0;w=21600"}, times=None)
        registry.fault(fault)
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, limiter=limiter) as client:
                return [await client.find_manifest("team/app", "v1") for _ in range(2)]

        assert run(scenario()) == [None, None]
        assert limiter.snapshot().paused_until is None


class TestConcurrency:
    def test_never_exceeds_the_limit(self, registry):
        registry.options.latency_seconds = 0.002
        limiter = EndpointLimiter(max_concurrency=6)

        async def scenario():
            async with connect(registry.url, limiter=limiter) as client:
                await asyncio.gather(*(client.find_manifest("a/b", "v1") for _ in range(100)))

        run(scenario())
        assert registry.peak_concurrency <= 6

    def test_grows_by_itself_towards_a_distant_registry(self, registry):
        registry.options.latency_seconds = 0.04
        limiter = EndpointLimiter()

        async def scenario():
            async with connect(registry.url, limiter=limiter) as client:
                await asyncio.gather(*(client.find_manifest("a/b", "v1") for _ in range(400)))

        run(scenario())
        assert limiter.snapshot().limit >= 32
        assert registry.peak_concurrency >= 32


class TestGuard:
    def test_refuses_loopback_by_default(self, registry):
        with pytest.raises(HostRefused):
            ping(registry.url, guard=HostGuard())
        assert registry.requests == []

    def test_refuses_names_that_resolve_to_what_is_refused(self, registry):
        with pytest.raises(HostRefused, match="localhost"):
            ping(f"http://localhost:{registry.port}", guard=HostGuard())
        assert registry.requests == []

    def test_connects_to_names_that_resolve_to_what_is_allowed(self, registry):
        ping(f"http://localhost:{registry.port}")
        assert len(registry.requests) == 1

    def test_checks_the_host_of_every_redirect(self, registry):
        registry.fault(Fault(redirect_to=f"http://localhost:{registry.port}/v2/"))
        only_literal = HostGuard(allowed_networks=["127.0.0.1/32"])
        ping(registry.url, guard=only_literal)
        registry.fault(Fault(redirect_to="http://127.0.0.2/v2/", times=None))
        with pytest.raises(HostRefused):
            ping(registry.url, guard=only_literal)


class TestRedirects:
    def test_keep_method_and_body_but_no_credentials(self):
        with FakeRegistry(auth=BasicAuth(*USER)) as registry, FakeRegistry() as other:
            registry.fault(Fault(method="POST", redirect_to=f"{other.url}{{path}}", after=1))

            async def scenario():
                async with connect(registry.url, credentials=USER) as client:
                    upload = await begin(client, "team/app")
                    assert upload.location.startswith(other.url)

            run(scenario())
            (post,) = other.requests_of("POST")
        assert not post.has_authorization

    def test_to_plain_http_on_the_same_host_are_taken_for_the_registry_itself(self):
        """A registry behind a proxy that ends TLS calls itself http."""
        seen = []

        def answer(request):
            seen.append((str(request.url), request.extensions["target"]))
            if len(seen) == 1:
                return httpx.Response(307, headers={"Location": "http://reg.example/v2/?again"})
            return httpx.Response(200)

        client = RegistryClient(
            Endpoint("https://reg.example"), transport=httpx.MockTransport(answer), retry=QUICK
        )
        run(client.ping())
        assert seen == [("https://reg.example", b"/v2/"), ("https://reg.example", b"/v2/?again")]

    def test_from_https_to_http_elsewhere_are_refused(self):
        def answer(request):
            return httpx.Response(307, headers={"Location": "http://other.example/v2/"})

        client = RegistryClient(
            Endpoint("https://reg.example"), transport=httpx.MockTransport(answer), retry=QUICK
        )
        with pytest.raises(HostRefused, match="from https to http"):
            run(client.ping())


class TestRequests:
    def test_name_the_program(self, registry):
        ping(registry.url)
        assert registry.requests[0].headers["User-Agent"].startswith("regatta/")

    def test_hold_no_header_twice_and_no_cookies(self, registry):
        registry.fault(Fault(status=200, headers={"Set-Cookie": "a=b"}))

        async def scenario():
            async with connect(registry.url) as client:
                await client.ping()
                await client.find_manifest("a/b", "v1")
                await client.start_upload("a/b")

        run(scenario())
        for request in registry.requests:
            assert "Cookie" not in request.headers
            assert len(set(map(str.lower, request.headers))) == len(request.headers)

    def test_ignore_proxies_of_the_environment(self, registry, monkeypatch):
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        ping(registry.url)

    def test_reuse_their_connection(self, registry):
        async def scenario():
            async with connect(registry.url) as client:
                for _ in range(5):
                    await client.ping()
                    await client.find_manifest("a/b", "v1")

        run(scenario())
        assert registry.peak_concurrency == 1


def test_client_closes_even_if_it_never_spoke():
    async def scenario():
        client = RegistryClient(Endpoint("https://reg.example"), guard=LOOPBACK)
        await client.aclose()
        await client.aclose()

    run(scenario())
