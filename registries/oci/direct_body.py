"""
Reads the rest of a long response into buffers of our own, past aiohttp's parser and its copies.

A body of known length needs no parser: it takes the connection over from aiohttp's protocol, receives as many
bytes as there are still to come, not one more, and gives the connection back for the next request. Saves a
third of the CPU of reading a large blob (`docs/performance.md`).
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import cast

import aiohttp
from aiohttp.client_proto import ResponseHandler

Chunk = bytes | memoryview
"""A piece of a body. A memoryview is only lent: until the next piece is asked for."""

_BUFFER_BYTES = 1024 * 1024
# For less, buffers of our own are not worth their memory; `STREAM_BUFFER_BYTES` in `transfer.budget` counts two.
_LONG_BYTES = 1024 * 1024


def owner_of_long_body(response: aiohttp.ClientResponse) -> ResponseHandler | None:
    """Return the protocol of the connection, if it brings a long body of known length and nothing else."""
    length, connection = response.content_length, response.connection
    is_long = length is not None and length >= _LONG_BYTES and "Transfer-Encoding" not in response.headers
    return connection.protocol if is_long and connection is not None else None


async def lend_long_body(
    response: aiohttp.ClientResponse, owner: ResponseHandler, stall_seconds: float | None
) -> AsyncGenerator[Chunk, None]:
    """
    Yield the body in pieces, which are only lent; `owner` is what `owner_of_long_body` has found.

    Raises aiohttp.ClientPayloadError if the body ends early, TimeoutError if no byte comes for `stall_seconds`.
    """
    content = response.content
    while piece := content.read_nowait():
        yield piece
    if content.is_eof():
        return
    body = _DirectBody(owner, (response.content_length or 0) - content.total_bytes, stall_seconds)
    body.take_over()
    while lent := await body.read():
        yield lent
    body.give_back()
    content.feed_eof()


class _DirectBody(asyncio.BufferedProtocol):
    """
    The protocol of a connection while a body of known length comes in.

    One buffer is filled while the reader uses the other. What does not concern the body is passed on to the
    protocol that the connection belongs to.
    """

    def __init__(self, owner: ResponseHandler, missing: int, stall_seconds: float | None) -> None:
        self._owner = owner
        self._transport = cast(asyncio.Transport, owner.transport)
        self._lost = owner.closed
        self._missing = missing
        self._stall_seconds = stall_seconds
        self._filling = memoryview(bytearray(min(missing, _BUFFER_BYTES)))
        self._lent = memoryview(bytearray(min(missing, _BUFFER_BYTES)))
        self._filled = 0
        self._is_over = False
        self._arrival: asyncio.Future[None] | None = None

    def take_over(self) -> None:
        """Receive from now on what the connection brings."""
        if self._lost is None or self._lost.done():
            self._is_over = True
            return
        # The owner may be about to hear that the connection is lost, and we would not.
        self._lost.add_done_callback(self._end)
        self._owner.pause_reading()  # which also stops its clock
        self._transport.set_protocol(self)
        self._resume()

    def give_back(self) -> None:
        """Let the connection's own protocol receive again."""
        if self._lost is not None:
            self._lost.remove_done_callback(self._end)
        self._transport.set_protocol(self._owner)

    async def read(self) -> memoryview:
        """
        Return what has arrived since the last call, at least a byte; nothing at the end of the body.

        Takes back what it returned before.
        """
        if not self._filled and self._missing:
            await self._wait()
        self._lent, self._filling = self._filling, self._lent
        size, self._filled = self._filled, 0
        if self._missing:
            self._resume()
        return self._lent[:size]

    async def _wait(self) -> None:
        if not self._is_over:
            self._arrival = asyncio.get_running_loop().create_future()
            async with asyncio.timeout(self._stall_seconds):
                await self._arrival
        if not self._filled:
            raise aiohttp.ClientPayloadError(f"the connection ended {self._missing} bytes early")

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Offer what is free, and no more than is still to come."""
        return self._filling[self._filled : self._filled + self._missing]

    def buffer_updated(self, size: int) -> None:
        """Count what has arrived, and stop when there is no more room, or no more to come."""
        self._filled += size
        self._missing -= size
        if not self._missing or self._filled == len(self._filling):
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        """Do nothing: the transport closes itself."""

    def connection_lost(self, error: Exception | None) -> None:
        """Tell the owner, which ends the body too."""
        self._owner.connection_lost(error)

    def pause_writing(self) -> None:
        """Pass it on: it concerns requests."""
        self._owner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on: it concerns requests."""
        self._owner.resume_writing()

    def _resume(self) -> None:
        # A connection that is closing cannot be read; that it is lost is said a moment later.
        with contextlib.suppress(RuntimeError):
            self._transport.resume_reading()

    def _end(self, lost: asyncio.Future[None]) -> None:
        """Whatever is missing will not come."""
        if not lost.cancelled():
            lost.exception()  # what it says is said by the error of the body
        self._is_over = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
