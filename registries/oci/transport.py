"""
Carries httpx requests over aiohttp, which needs a quarter of the CPU of httpx's own transport.

Only this file and `direct_body` know aiohttp. It does one request: no redirects, no cookies, no decompression,
no environment, and it connects only to addresses that the guard has seen.
"""

import asyncio
import contextlib
import ipaddress
import os
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterator
from functools import lru_cache
from typing import cast

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from yarl import URL

from registries.oci.direct_body import Chunk, lend_long_body, owner_of_long_body
from registries.oci.endpoint import Endpoint
from registries.oci.guard import EndpointGuard

USER_AGENT = "regatta/0.1.0"

# aiohttp pauses the socket at twice this; what has arrived is handed on in one piece.
_READ_BUFFER_BYTES = 256 * 1024
_KEEPALIVE_SECONDS = 30.0
_DNS_TTL_SECONDS = 30
_MAX_HEADER_BYTES = 64 * 1024
# Up to so many bytes aiohttp does not wait until the socket has taken them.
_UNAWAITED_BYTES = 64 * 1024
_SKIPPED_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")


class AiohttpTransport(httpx.AsyncBaseTransport):
    """
    An httpx transport for one registry and the hosts it sends us to.

    Honours the request extensions "target" (path and query, byte for byte, to append to a URL that
    has none) and "timeout" (seconds: "connect"; "read" and "write"
    without a single byte moving; there is no total timeout). Belongs to one event loop.
    """

    def __init__(self, endpoint: Endpoint, guard: EndpointGuard) -> None:
        self._endpoint = endpoint
        self._guard = guard
        self._session: aiohttp.ClientSession | None = None
        self._timeouts: dict[tuple[float | None, float | None], aiohttp.ClientTimeout] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the response with its body unread."""
        session = self._session or self._open_session()
        target = request.extensions.get("target")
        url = str(request.url) if target is None else f"{request.url}{target.decode('ascii')}"
        timeout: dict[str, float | None] = request.extensions.get("timeout", {})
        headers = [(name.decode("ascii"), value.decode("latin-1")) for name, value in request.headers.raw]
        try:
            if isinstance(request.stream, httpx.ByteStream):
                response = await session.request(
                    request.method,
                    URL(url, encoded=True),
                    headers=headers,
                    data=b"".join(request.stream) or None,
                    allow_redirects=False,
                    timeout=self._client_timeout(timeout),
                )
            else:
                response = await self._send_stream(session, request, url, headers, timeout)
        except (aiohttp.ClientError, OSError) as error:
            raise _as_httpx_error(error, request) from error
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=ResponseStream(response, request, timeout.get("read")),
            request=request,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _send_stream(
        self,
        session: aiohttp.ClientSession,
        request: httpx.Request,
        url: str,
        headers: list[tuple[str, str]],
        timeout: dict[str, float | None],
    ) -> aiohttp.ClientResponse:
        stream = cast(httpx.AsyncByteStream, request.stream)
        async with asyncio.timeout(None) as deadline:
            return await session.request(
                request.method,
                URL(url, encoded=True),
                headers=headers,
                data=_watched(stream, deadline, timeout.get("write")),
                allow_redirects=False,
                timeout=self._client_timeout(timeout),
            )

    def _client_timeout(self, timeout: dict[str, float | None]) -> aiohttp.ClientTimeout:
        key = (timeout.get("connect"), timeout.get("read"))
        known = self._timeouts.get(key)
        if known is None:
            known = aiohttp.ClientTimeout(total=None, connect=key[0], sock_connect=None, sock_read=key[1])
            self._timeouts[key] = known
        return known

    def _open_session(self) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=0,
            limit_per_host=0,
            keepalive_timeout=_KEEPALIVE_SECONDS,
            ttl_dns_cache=_DNS_TTL_SECONDS,
            resolver=_GuardedResolver(self._guard),
            ssl=self._trust(),
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_SKIPPED_HEADERS,
            auto_decompress=False,
            trust_env=False,
            read_bufsize=_READ_BUFFER_BYTES,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        return self._session

    def _trust(self) -> ssl.SSLContext | bool:
        """Return whom to trust. True stands for the system's authorities, which aiohttp loads once, at its start."""
        if self._endpoint.verify_tls and self._endpoint.ca_pem:
            return _ssl_context(self._endpoint.ca_pem)
        return self._endpoint.verify_tls


class ResponseStream(httpx.AsyncByteStream):
    """The body of a response, in the pieces in which it arrives."""

    def __init__(
        self, response: aiohttp.ClientResponse, request: httpx.Request, stall_seconds: float | None
    ) -> None:
        self._response = response
        self._request = request
        self._stall_seconds = stall_seconds

    async def __aiter__(self) -> AsyncGenerator[bytes, None]:
        content = self._response.content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _as_httpx_error(error, self._request) from error

    def lend(self) -> AsyncGenerator[Chunk, None]:
        """Return the pieces, those of a long body without a copy: each is only lent until the next is asked for."""
        owner = owner_of_long_body(self._response)
        return self.__aiter__() if owner is None else self._lend_from(owner)

    async def _lend_from(self, owner: ResponseHandler) -> AsyncGenerator[Chunk, None]:
        try:
            async with contextlib.aclosing(
                lend_long_body(self._response, owner, self._stall_seconds)
            ) as pieces:
                async for piece in pieces:
                    yield piece
        except (aiohttp.ClientError, OSError) as error:
            raise _as_httpx_error(error, self._request) from error

    async def aclose(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._response.release()


class _Connector(aiohttp.TCPConnector):
    """Opens connections that take a piece of a body whole before the next one is asked for."""

    async def connect(
        self, req: aiohttp.ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        if connection.transport is not None:
            connection.transport.set_write_buffer_limits(high=0)
        return connection


class _GuardedResolver(AbstractResolver):
    """Resolves names and lets only those addresses through that the guard allows."""

    def __init__(self, guard: EndpointGuard) -> None:
        self._guard = guard

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Return the allowed addresses of the host. Raises HostRefused if there is none."""
        infos = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        found = {ipaddress.ip_address(str(info[4][0]).partition("%")[0]): info for info in infos}
        return [
            ResolveResult(
                hostname=host,
                host=str(address),
                port=port,
                family=found[address][0],
                proto=found[address][2],
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self._guard.check_addresses(host, port, list(found))
        ]

    async def close(self) -> None:
        """Nothing is held."""


async def _watched(
    stream: httpx.AsyncByteStream, deadline: asyncio.Timeout, stall_seconds: float | None
) -> AsyncIterator[Chunk]:
    """Yield the stream, whose pieces may be lent, and end the request if the peer takes no bytes for so long."""
    loop = asyncio.get_running_loop()
    async for chunk in stream:
        if stall_seconds is not None:
            _reschedule(deadline, loop.time() + stall_seconds)
        yield chunk if len(chunk) > _UNAWAITED_BYTES else bytes(chunk)
        _reschedule(deadline, None)


def _reschedule(deadline: asyncio.Timeout, when: float | None) -> None:
    # The registry may have answered while the last bytes were on their way; then nobody waits any more.
    with contextlib.suppress(RuntimeError):
        deadline.reschedule(when)


@lru_cache(maxsize=64)
def _ssl_context(ca_pem: str) -> ssl.SSLContext:
    """Return the context that trusts the system and this authority. Loading the system's takes 20 ms."""
    context = ssl.create_default_context()
    try:
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, TypeError, ValueError) as error:
        raise httpx.ConnectError("the CA certificate stored for the registry cannot be read") from error
    return context


def _as_httpx_error(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """Return the httpx error for an aiohttp error, with words that name no resolved address."""
    host = request.url.netloc.decode("ascii")
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError():
            words = f"no trusted TLS connection to {host}: {_tls_reason(error)}"
        case aiohttp.ClientConnectorDNSError():
            words = f"the name {host} cannot be resolved"
        case aiohttp.ConnectionTimeoutError():
            words = f"no connection to {host} in time"
        case aiohttp.ClientConnectorError():
            errno = error.os_error.errno
            words = f"no connection to {host}: {os.strerror(errno) if errno else 'connection failed'}"
        case aiohttp.InvalidURL():
            words = f"{host} is no address that can be contacted"
        case TimeoutError():
            return httpx.ReadTimeout(f"{host} moved no byte for too long", request=request)
        case _:
            return httpx.ReadError(f"{host} ended the connection early", request=request)
    return httpx.ConnectError(words, request=request)


def _tls_reason(error: aiohttp.ClientConnectorError) -> str:
    cause = getattr(error, "certificate_error", None) or error.os_error
    return getattr(cause, "verify_message", None) or getattr(cause, "reason", None) or "handshake failed"
