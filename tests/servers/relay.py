"""
A TCP relay that makes loopback behave like a long line: each byte arrives later, in order, none faster.

`Relay` runs in a thread; `RelayProcess`, or `python -m tests.servers.relay --help`, in a process of its
own, which benchmarks want. It delays and does not limit bandwidth.
"""

import argparse
import asyncio
import sys
from collections import deque
from contextlib import ExitStack
from pathlib import Path
from typing import Self, cast

import uvloop

from tests.fakes.loop_thread import LoopThread
from tests.servers.processes import Child, find_free_port, is_listening, scratch_directory

PROJECT = Path(__file__).parents[2]

WINDOW_BYTES = 16 * 1024 * 1024
"""Bytes that may be on their way in one direction of a connection before the sender has to wait."""


class _End(asyncio.Protocol):
    """One end of a relayed connection: what it receives is sent by its peer after the delay."""

    def __init__(self, delay_seconds: float) -> None:
        self.peer: _End | None = None
        self.opened_at = 0.0
        self.closed = asyncio.Event()
        self._delay_seconds = delay_seconds
        self._transport: asyncio.Transport | None = None
        self._line: deque[tuple[float, bytes | None]] = deque()
        self._line_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._is_blocked = False
        self._has_received_end = False
        self._has_sent_end = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.peer is not None:
            self.peer.deliver()

    def data_received(self, data: bytes) -> None:
        self._line_bytes += len(data)
        self._enqueue(data)
        if self._line_bytes > WINDOW_BYTES and self._transport is not None:
            self._transport.pause_reading()

    def eof_received(self) -> bool:
        self._enqueue(None)
        self._has_received_end = True
        return not self._has_sent_end

    def connection_lost(self, error: Exception | None) -> None:
        self._transport = None
        self.closed.set()
        if error is not None and self.peer is not None:
            self.peer.abort()
        else:
            self._enqueue(None)

    def pause_writing(self) -> None:
        self._is_blocked = True

    def resume_writing(self) -> None:
        self._is_blocked = False
        if self.peer is not None:
            self.peer.deliver()

    def abort(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    def deliver(self) -> None:
        """Hand over what has arrived by now, and come back when the next bytes are due."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        peer = self.peer
        if peer is None or peer._transport is None:
            return
        now = asyncio.get_running_loop().time()
        while self._line and self._line[0][0] <= now and not peer._is_blocked:
            _, data = self._line.popleft()
            peer.write(data)
            self._line_bytes -= len(data or b"")
        if self._line_bytes <= WINDOW_BYTES and self._transport is not None:
            self._transport.resume_reading()
        if self._line and not peer._is_blocked:
            self._timer = asyncio.get_running_loop().call_at(self._line[0][0], self.deliver)

    def write(self, data: bytes | None) -> None:
        """Send the bytes to this end, or its end of file if None."""
        if self._transport is None or self._transport.is_closing():
            return
        if data is not None:
            self._transport.write(data)
        elif not self._has_sent_end:
            self._has_sent_end = True
            self._transport.write_eof()
            if self._has_received_end:
                self._transport.close()

    def _enqueue(self, data: bytes | None) -> None:
        sent_at = max(asyncio.get_running_loop().time(), self.opened_at)
        self._line.append((sent_at + self._delay_seconds, data))
        if self._timer is None:
            self.deliver()


class Line:
    """A line from one loopback port to another, with the connections that run over it."""

    def __init__(self, *, port: int, upstream_port: int, delay_seconds: float) -> None:
        self._port = port
        self._upstream_port = upstream_port
        self._delay_seconds = delay_seconds
        self._connections: set[asyncio.Task[None]] = set()

    async def open(self) -> asyncio.Server:
        """
        Take connections on the port from now on.

        A client may send at once; its first bytes are treated as if it had waited a round trip for
        the connection, as over a real line.
        """
        return await asyncio.get_running_loop().create_server(
            self._accept, "127.0.0.1", self._port, backlog=1024
        )

    async def cut(self) -> None:
        """Drop all connections that run over the line at this moment."""
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self) -> _End:
        near, far = _End(self._delay_seconds), _End(self._delay_seconds)
        near.peer, far.peer = far, near
        near.opened_at = asyncio.get_running_loop().time() + 2 * self._delay_seconds
        task = asyncio.get_running_loop().create_task(self._carry(near, far))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        return near

    async def _carry(self, near: _End, far: _End) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: far, "127.0.0.1", self._upstream_port)
            await asyncio.gather(near.closed.wait(), far.closed.wait())
        except (OSError, asyncio.CancelledError):
            near.abort()
            far.abort()


class Relay:
    """A relay in a thread; use it as a context manager and talk to its `url`."""

    def __init__(self, upstream_port: int, *, delay_seconds: float = 0.02) -> None:
        self.port = find_free_port()
        self._line = Line(port=self.port, upstream_port=upstream_port, delay_seconds=delay_seconds)
        self._loop: LoopThread | None = None

    @property
    def url(self) -> str:
        """Return the address of the near end of the line."""
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Drop all connections in the middle of whatever they do; new ones are welcome."""
        if self._loop is not None:
            self._loop.run(self._line.cut())

    def __enter__(self) -> Self:
        self._loop = LoopThread("relay")
        self._loop.run(self._line.open())
        return self

    def __exit__(self, *_: object) -> None:
        if self._loop is not None:
            self._loop.stop()


class RelayProcess:
    """The same in a process of its own, so that it competes with nobody for the interpreter."""

    def __init__(self, upstream_port: int, *, delay_seconds: float = 0.02) -> None:
        self.port = find_free_port()
        self._arguments = [str(self.port), str(upstream_port), "--delay-ms", str(delay_seconds * 1000)]
        self._stack = ExitStack()

    @property
    def url(self) -> str:
        """Return the address of the near end of the line."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        with self._stack:
            directory = self._stack.enter_context(scratch_directory("regatta-relay"))
            command = [sys.executable, "-m", "tests.servers.relay", *self._arguments]
            child = Child(command, log_path=directory / "relay.log", directory=PROJECT)
            self._stack.callback(child.stop)
            child.wait_until(lambda: is_listening(self.port))
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def main() -> None:
    """Relay until interrupted."""
    parser = argparse.ArgumentParser(description="relay a loopback port to another one, with a delay")
    parser.add_argument("port", type=int, help="port to listen on")
    parser.add_argument("upstream_port", type=int, help="port to relay to")
    parser.add_argument(
        "--delay-ms", type=float, default=20, help="one way; a round trip takes twice as long"
    )
    arguments = parser.parse_args()

    async def run() -> None:
        line = Line(
            port=arguments.port,
            upstream_port=arguments.upstream_port,
            delay_seconds=arguments.delay_ms / 1000,
        )
        await (await line.open()).serve_forever()

    uvloop.run(run())


if __name__ == "__main__":
    main()
