"""
Sends one request to a registry, with all that surrounds it: authentication, limits, redirects, retries.

Knows no endpoint of the protocol. Redirects are followed by hand, so that the guard sees every hop
and credentials stay with the configured host.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from registries.oci import warned
from registries.oci.answers import error_from_answer, error_from_failure
from registries.oci.auth import Authenticator
from registries.oci.blotting import blotter
from registries.oci.endpoint import Endpoint
from registries.oci.errors import (
    HostRefused,
    RegistryError,
    Rejected,
    ServerError,
    Stalled,
    Throttled,
    TooLarge,
    TransientError,
)
from registries.oci.exchange import Exchange, Reply, Timeouts
from registries.oci.guard import EndpointGuard, HostGuard
from registries.oci.limits import EndpointLimiter, SlotKind
from registries.oci.links import absolute, is_plain, origin_of, parse_origin, split_origin
from registries.oci.realm import TokenServer
from registries.oci.retry import RetryPolicy, delay_before_retry
from registries.oci.scope import Scopes
from registries.oci.transport import USER_AGENT, AiohttpTransport

MAX_REDIRECTS = 5
MAX_BODY_BYTES = 16 * 1024 * 1024
_MAX_ERROR_BYTES = 64 * 1024
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OK = frozenset({200})
_EMPTY = httpx.ByteStream(b"")

Headers = Sequence[tuple[str, str]]
BodyFactory = Callable[[], httpx.AsyncByteStream]


@dataclass(slots=True)
class _Call:
    """A request and where it has got to. `url` is a path of the registry, or absolute if elsewhere."""

    method: str
    url: str
    scopes: Scopes
    headers: Headers
    content: bytes | None
    body: BodyFactory | None
    kind: SlotKind
    is_anonymous: bool = False
    hops: int = 0
    refusals: int = 0


class Sender:
    """The one way out of a client. Belongs to one event loop."""

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        limiter: EndpointLimiter,
        guard: HostGuard,
        transport: httpx.AsyncBaseTransport | None,
        timeouts: Timeouts,
        retry: RetryPolicy,
    ) -> None:
        self.limiter = limiter
        self._retry = retry
        self._base = endpoint.url
        self._base_slash = f"{endpoint.url}/"
        self._base_url: httpx.URL | None = None
        self._origin = origin_of(endpoint.url)
        self._host = urlsplit(endpoint.url).netloc
        self._guard = EndpointGuard(guard, endpoint.url)
        self._transport = transport or AiohttpTransport(endpoint, self._guard)
        self._timeout = timeouts.small
        self._upload_timeout = timeouts.upload
        self._blot = blotter(endpoint)
        self._realm = TokenServer(
            endpoint.url,
            blot=self._blot,
            transport=self._transport,
            guard=self._guard,
            limiter=limiter,
            timeouts=timeouts,
            retry=retry,
        )
        breaker = limiter.breaker_for(endpoint.username, endpoint.password)
        self._auth = Authenticator(endpoint, self._realm.ask, breaker)

    async def fetch(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        *,
        headers: Headers = (),
        content: bytes | None = None,
        accept: frozenset[int] = _OK,
        accept_elsewhere: frozenset[int] = frozenset(),
        limit: int = MAX_BODY_BYTES,
    ) -> Reply:
        """
        Return the complete answer, after as many tries as the policy allows.

        `url` is a path of the registry ("/v2/…") or an absolute URL. An answer whose status is not
        in `accept` is raised as the error it stands for; `accept_elsewhere` is for the answers of
        other hosts that the registry sent us to. `limit` is for the body, in bytes.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                exchange = await self.open(method, url, scopes, headers=headers, content=content)
                try:
                    if exchange.status not in accept and (
                        exchange.is_home or exchange.status not in accept_elsewhere
                    ):
                        raise await self.error_of(exchange)
                    body = b"" if method == "HEAD" else await exchange.read(limit)
                    return Reply(exchange.status, exchange.headers, body, exchange.url)
                finally:
                    await exchange.aclose()
            except (TransientError, Throttled) as error:
                delay = self.delay_before_retry(attempt, error)
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def open(
        self,
        method: str,
        url: str,
        scopes: Scopes,
        *,
        headers: Headers = (),
        content: bytes | None = None,
        body: BodyFactory | None = None,
        kind: SlotKind = SlotKind.SMALL,
        is_anonymous: bool = False,
    ) -> Exchange:
        """
        Send once and return the answer unread, whatever its status; the caller closes it.

        Answers challenges and follows redirects, but knows no retries. `body` is called anew when
        the credentials of the request before were refused; a request with one is not redirected.
        `is_anonymous` shows nobody credentials, not even the registry itself.

        Raises Throttled, TransientError, UnauthorizedError or HostRefused.
        """
        call = _Call(method, self._shorten(url), scopes, headers, content, body, kind, is_anonymous)
        while True:
            exchange = await self._send_authorized(call)
            if exchange is None:
                continue
            location = exchange.headers.get("location") if exchange.status in _REDIRECTS else None
            if location is None or body is not None:
                return exchange
            await exchange.aclose()
            call.hops += 1
            if call.hops > MAX_REDIRECTS:
                raise Rejected("the registry redirects in circles", status=exchange.status)
            call.url = self._shorten(self.follow(location, exchange.url))
            if exchange.status == 303 and method != "HEAD":
                call.method, call.content = "GET", None

    def follow(self, location: str, came_from: str) -> str:
        """
        Return the absolute URL to which an answer from `came_from` sends us.

        A registry behind a proxy that ends TLS may call itself http; that is taken for what it means.

        Raises HostRefused if we may not go there.
        """
        if location.startswith(self._base_slash) and is_plain(location):
            return location.partition("#")[0]
        url = absolute(location, came_from)
        if origin_of(url) == self._origin:
            return self._base + split_origin(url)[1]
        parts, home = urlsplit(url), urlsplit(self._base)
        if parts.scheme == "http" and home.scheme == "https" and parts.hostname == home.hostname:
            return self._base + split_origin(url)[1]
        self._guard.check_hop(url, came_from)
        return url

    def leave_for(self, url: str) -> str:
        """Return where content is that the registry only names. Raises HostRefused if we may not go there."""
        return self.follow(url, self._base)

    async def error_of(self, exchange: Exchange) -> RegistryError:
        """Close the exchange and return the error it stands for. A throttling registry is paused for all."""
        try:
            content = await exchange.read(_MAX_ERROR_BYTES)
        except (TransientError, TooLarge):
            content = b""
        finally:
            await exchange.aclose()
        error = error_from_answer(
            exchange.status, exchange.headers, content, now=time.time(), blot=self._blot
        )
        if isinstance(error, Throttled):
            error.retry_at = self.limiter.throttled(error.retry_at or None, error.detail)
        elif exchange.status == 503:
            self.limiter.overloaded()
        elif not exchange.is_home and exchange.status < 500:
            # A presigned address that expired says nothing about the content or our credentials.
            return ServerError(
                f"the store behind the registry refuses: {error.detail}", status=exchange.status
            )
        return error

    def error_of_reply(self, reply: Reply) -> RegistryError:
        """Return the error that a complete answer stands for which was accepted to be looked at."""
        return error_from_answer(reply.status, reply.headers, reply.content, now=time.time(), blot=self._blot)

    def delay_before_retry(self, attempt: int, error: RegistryError) -> float | None:
        """Return the seconds to wait before trying again, None to give up."""
        if isinstance(error, Throttled) and not self.limiter.is_patient_until(error.retry_at):
            return None
        return delay_before_retry(attempt, error, self._retry, random.random())

    async def aclose(self) -> None:
        """Close every connection."""
        await self._auth.aclose()
        await self._transport.aclose()

    def _shorten(self, url: str) -> str:
        """Return the path alone of a URL of the registry itself."""
        return url[len(self._base) :] if url.startswith(self._base_slash) else url

    async def _send_authorized(self, call: _Call) -> Exchange | None:
        """Send and return the answer, or None if it was a challenge: then the call is worth sending again."""
        is_home = call.url[0] == "/" or origin_of(call.url) == self._origin
        if call.is_anonymous:
            return await self._send(call, None, is_home)
        auth = self._auth
        authorization = await auth.header(call.scopes) if is_home else None
        try:
            exchange = await self._send(call, authorization, is_home)
            if is_home and exchange.status == 401:
                await exchange.aclose()
                challenges = exchange.values("www-authenticate")
                auth.answer(challenges, call.scopes, authorization, call.refusals)
                call.refusals += 1
                return None
        finally:
            if auth.is_learning:
                auth.learned()
        if authorization is not None:
            if exchange.status < 300:
                auth.accepted()
            elif exchange.status == 403:
                auth.forbidden(call.scopes)
        return exchange

    async def _send(self, call: _Call, authorization: str | None, is_home: bool) -> Exchange:
        """Send the request under a slot of the limiter, which the exchange then holds."""
        request = self._request(call, authorization)
        limiter, kind = self.limiter, call.kind
        await limiter.acquire(kind)
        started = time.perf_counter()
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            limiter.release(kind)
            failure = error_from_failure(error, self._blot)
            if isinstance(failure, Stalled) and not call.is_anonymous:
                limiter.overloaded()
            raise failure from error
        except HostRefused as refused:
            limiter.release(kind)
            raise HostRefused(self._blot(refused.detail)) from refused
        except BaseException:
            limiter.release(kind)
            raise
        if response.status_code < 429 and not call.is_anonymous:
            seconds = None if kind is SlotKind.UPLOAD else time.perf_counter() - started
            limiter.succeeded(call.method, seconds)
        url = f"{self._base}{call.url}" if call.url[0] == "/" else call.url
        exchange = Exchange(response, url, is_home=is_home, blot=self._blot, limiter=limiter, kind=kind)
        if is_home:
            self._note(call.method, exchange)
        return exchange

    def _note(self, method: str, exchange: Exchange) -> None:
        """Take notice of what the registry says about its quota, and of its warnings."""
        headers = exchange.headers
        if "ratelimit-remaining" in headers:
            reset = headers.get("ratelimit-reset")
            self.limiter.note_remaining(headers["ratelimit-remaining"], reset, is_counted=method == "GET")
        if "warning" in headers:
            warned.note(self._blot(self._host), [self._blot(value) for value in exchange.values("warning")])

    def _request(self, call: _Call, authorization: str | None) -> httpx.Request:
        """Return the request. Parsing every URL would cost more than all else here, and could change signed ones."""
        lines = [("User-Agent", USER_AGENT), ("Accept-Encoding", "identity"), *call.headers]
        if authorization is not None:
            lines.append(("Authorization", authorization))
        target = call.url
        if target[0] == "/":
            if self._base_url is None:
                self._guard.check_home()
                self._base_url = parse_origin(self._base)
            origin = self._base_url
        else:
            head, target = split_origin(target)
            origin = parse_origin(head)
        stream: httpx.AsyncByteStream = _EMPTY
        if call.body is not None:
            stream = call.body()
        elif call.content is not None:
            stream = httpx.ByteStream(call.content)
        timeout = self._upload_timeout if call.kind is SlotKind.UPLOAD else self._timeout
        return httpx.Request(
            call.method,
            origin,
            headers=lines,
            stream=stream,
            extensions={"timeout": timeout, "target": target.encode("ascii")},
        )
