"""Asks the token server of a registry. The only request that credentials accompany to another host."""

import asyncio
import random
import time

import httpx

from registries.oci.answers import error_from_answer, error_from_failure
from registries.oci.blotting import Blot
from registries.oci.errors import (
    PermanentError,
    RegistryError,
    Throttled,
    TooLarge,
    TransientError,
    Unauthorized,
)
from registries.oci.exchange import Exchange, Timeouts
from registries.oci.guard import EndpointGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.links import absolute, origin_of, parse_origin, split_origin
from registries.oci.retry import RetryPolicy, delay_before_retry
from registries.oci.tokens import MAX_TOKEN_BYTES
from registries.oci.transport import USER_AGENT

_MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


class TokenServer:
    """
    Fetches tokens for one registry.

    Takes no slot of the limiter, since everybody who waits for a slot may need the token first; but
    a throttling token server pauses the registry, and a paused registry is not asked for tokens.
    """

    def __init__(
        self,
        registry_url: str,
        *,
        blot: Blot,
        transport: httpx.AsyncBaseTransport,
        guard: EndpointGuard,
        limiter: EndpointLimiter,
        timeouts: Timeouts,
        retry: RetryPolicy,
    ) -> None:
        self._registry_url = registry_url
        self._blot = blot
        self._transport = transport
        self._guard = guard
        self._limiter = limiter
        self._timeout = timeouts.small
        self._retry = retry

    async def ask(self, url: str, authorization: str | None) -> bytes:
        """
        Return the body of the token server's answer.

        Raises Unauthorized if the token server refuses the credentials, HostRefused if it may not
        be contacted, and what any request raises.
        """
        attempt = 0
        while True:
            attempt += 1
            try:
                return await self._ask_once(url, authorization)
            except (TransientError, Throttled) as error:
                if isinstance(error, Throttled) and not self._limiter.is_patient_until(error.retry_at):
                    raise
                delay = delay_before_retry(attempt, error, self._retry, random.random())
                if delay is None:
                    raise
            await asyncio.sleep(delay)

    async def _ask_once(self, url: str, authorization: str | None) -> bytes:
        came_from = self._registry_url
        realm: str | None = None
        for _ in range(_MAX_REDIRECTS + 1):
            self._guard.check_hop(url, came_from)
            realm = realm or origin_of(url)
            await self._limiter.wait_out_pause()
            exchange = await self._send(url, authorization if origin_of(url) == realm else None)
            try:
                if exchange.status in _REDIRECTS and "location" in exchange.headers:
                    came_from, url = url, absolute(exchange.headers["location"], url)
                    continue
                content = await exchange.read(MAX_TOKEN_BYTES)
            except TooLarge as error:
                raise Unauthorized("the token server answers with far more than a token") from error
            finally:
                await exchange.aclose()
            if exchange.status == 200:
                return content
            raise self._error_of(exchange, content)
        raise Unauthorized("the token server redirects in circles")

    async def _send(self, url: str, authorization: str | None) -> Exchange:
        headers = [
            ("User-Agent", USER_AGENT),
            ("Accept-Encoding", "identity"),
            ("Accept", "application/json"),
        ]
        if authorization is not None:
            headers.append(("Authorization", authorization))
        origin, target = split_origin(url)
        extensions = {"timeout": self._timeout, "target": target.encode("ascii")}
        request = httpx.Request(
            "GET", parse_origin(origin), headers=headers, stream=httpx.ByteStream(b""), extensions=extensions
        )
        try:
            response = await self._transport.handle_async_request(request)
        except httpx.TransportError as error:
            raise error_from_failure(error, self._blot) from error
        return Exchange(response, url, is_home=False, blot=self._blot)

    def _error_of(self, exchange: Exchange, content: bytes) -> RegistryError:
        error = error_from_answer(
            exchange.status, exchange.headers, content, now=time.time(), blot=self._blot
        )
        if isinstance(error, Throttled):
            error.retry_at = self._limiter.throttled(error.retry_at or None, error.detail)
        elif isinstance(error, PermanentError):
            # A token server that answers 400 or 404 says nothing about repositories.
            return Unauthorized(error.detail or "the token server gives no token", status=exchange.status)
        return error
