"""One answer of a registry while its body is being read."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import cast

import httpx

from registries.oci.answers import error_from_failure
from registries.oci.blotting import Blot
from registries.oci.direct_body import Chunk
from registries.oci.errors import TooLarge
from registries.oci.limits import EndpointLimiter, SlotKind
from registries.oci.transport import ResponseStream

Headers = Mapping[str, str]

_READ_HEADERS = {
    name.encode(): name
    for name in (
        "content-length",
        "content-range",
        "content-type",
        "docker-content-digest",
        "link",
        "location",
        "oci-chunk-min-length",
        "oci-subject",
        "range",
        "ratelimit-remaining",
        "ratelimit-reset",
        "retry-after",
        "warning",
    )
}


@dataclass(frozen=True, slots=True)
class Timeouts:
    """
    How long to wait, in seconds, without anything moving. Nothing limits the whole of a transfer.

    `commit_seconds` is for the answer to an upload: stores take their time to assemble a large blob.
    """

    connect_seconds: float = 15.0
    stall_seconds: float = 60.0
    commit_seconds: float = 300.0

    @property
    def small(self) -> dict[str, float]:
        """Return the httpx timeout extension for everything but uploads."""
        return {"connect": self.connect_seconds, "read": self.stall_seconds, "write": self.stall_seconds}

    @property
    def upload(self) -> dict[str, float]:
        """Return the httpx timeout extension for a request that sends a blob."""
        return {"connect": self.connect_seconds, "read": self.commit_seconds, "write": self.stall_seconds}


@dataclass(slots=True)
class Reply:
    """A complete answer. `headers` as in Exchange; `url` is where it came from after redirects."""

    status: int
    headers: Headers
    content: bytes
    url: str


class Exchange:
    """
    An answer whose body is still to be read. Holds a slot of the limiter, if any, until it is closed.

    `headers` has lower-case names and one value each, repeated ones joined by commas; only those
    that this package reads.
    """

    __slots__ = ("_blot", "_kind", "_limiter", "_response", "_stream", "headers", "is_home", "status", "url")

    def __init__(
        self,
        response: httpx.Response,
        url: str,
        *,
        is_home: bool,
        blot: Blot,
        limiter: EndpointLimiter | None = None,
        kind: SlotKind = SlotKind.SMALL,
    ) -> None:
        self._stream = cast(httpx.AsyncByteStream, response.stream)
        self._response = response
        self.status = response.status_code
        self.headers = _index(response.headers)
        self.url = url
        self.is_home = is_home
        self._blot = blot
        self._limiter = limiter
        self._kind = kind

    def values(self, name: str) -> list[str]:
        """Return the values of a header that may be repeated, one by one."""
        return self._response.headers.get_list(name)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises ConnectionCut or Stalled if it ends early."""
        try:
            async for chunk in self._stream:
                yield chunk
        except httpx.TransportError as error:
            raise error_from_failure(error, self._blot) from error

    async def lend_chunks(self) -> AsyncGenerator[Chunk, None]:
        """Yield the body like `chunks`, without a copy: each piece is only lent until the next one is asked for."""
        try:
            async with aclosing(cast(ResponseStream, self._stream).lend()) as chunks:
                async for chunk in chunks:
                    yield chunk
        except httpx.TransportError as error:
            raise error_from_failure(error, self._blot) from error

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises TooLarge if it is longer than the limit, in bytes."""
        pieces: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise TooLarge(f"the registry answered with more than {limit} bytes")
            pieces.append(chunk)
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    async def aclose(self) -> None:
        """Give back connection and slot. Safe to repeat."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.release(self._kind)
        await self._stream.aclose()


def _index(headers: httpx.Headers) -> Headers:
    """Return the headers that are read anywhere as a plain dictionary, which is asked much more cheaply."""
    index: dict[str, str] = {}
    for raw_name, raw_value in headers.raw:
        name = _READ_HEADERS.get(raw_name.lower())
        if name is not None:
            value = raw_value.decode("latin-1")
            index[name] = f"{index[name]}, {value}" if name in index else value
    return index
