"""Long bodies past aiohttp's parser: on both event loops, in the clear and over TLS."""

import asyncio
import contextlib
import hashlib
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from registries.oci.client import RegistryClient
from registries.oci.digest import digest_of
from registries.oci.endpoint import Endpoint
from registries.oci.errors import ConnectionCut, RegistryError, Stalled
from registries.oci.manifest import Descriptor
from registries.oci.retry import RetryPolicy
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.servers.certificates import self_signed
from tests.unit.registries.oci.clients import IMPATIENT, LOOPBACK, PATIENT, QUICK, begin, connect

MIB = 1024 * 1024
DATA = random.Random(1).randbytes(5 * MIB + 7)
BLOB = Descriptor("a/b", digest_of(DATA), len(DATA))
ONCE = RetryPolicy(attempts=1, first_delay_seconds=0, max_delay_seconds=0, throttled_attempts=1)

Handler = Callable[[asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request):
    """Return what runs a coroutine in a loop of that kind, bounded in time."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def run_in(coroutine):
        async def bounded():
            async with asyncio.timeout(30):
                return await coroutine

        with asyncio.Runner(loop_factory=factory) as runner:
            return runner.run(bounded())

    return run_in


@pytest.fixture(params=["http", "https"])
def authority(request, tmp_path):
    """Return key and certificate in one file, or nothing for a server without TLS."""
    if request.param == "http":
        return None
    path = tmp_path / "server.pem"
    path.write_text("".join(self_signed("registry")))
    return path


class Server:
    """Answers every request on a connection as told, and counts the connections."""

    def __init__(self, answer: Handler, authority: Path | None) -> None:
        self._answer = answer
        self._authority = authority
        self.connections = 0

    @contextlib.asynccontextmanager
    async def client(self, *, is_patient: bool = True) -> AsyncIterator[RegistryClient]:
        """Serve, and yield a client that tries once."""
        context = None
        if self._authority is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(self._authority)
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=context)
        port = server.sockets[0].getsockname()[1]
        endpoint = Endpoint(f"http{'' if context is None else 's'}://127.0.0.1:{port}", verify_tls=False)
        timeouts = PATIENT if is_patient else IMPATIENT
        async with server, RegistryClient(endpoint, guard=LOOPBACK, retry=ONCE, timeouts=timeouts) as client:
            yield client

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                await self._answer(writer)
        writer.close()


async def whole(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DATA) + DATA)
    await writer.drain()


async def whole_and_close(writer):
    await whole(writer)
    raise ConnectionError


async def half(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(DATA) + DATA[: 2 * MIB])
    await writer.drain()


async def half_and_cut(writer):
    await half(writer)
    raise ConnectionError


async def too_much(writer):
    await whole(writer)
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad")
    await writer.drain()


async def read(client):
    hasher = hashlib.sha256()
    async with contextlib.aclosing(client.lend_blob("a", BLOB)) as pieces:
        async for piece in pieces:
            hasher.update(piece)
            await asyncio.sleep(0)  # the next piece may arrive meanwhile; this one must stay as it is
    return f"sha256:{hasher.hexdigest()}"


class TestBody:
    def test_comes_whole_and_leaves_the_connection_to_the_next_request(self, run, authority):
        server = Server(whole, authority)

        async def scenario():
            async with server.client() as client:
                return [await read(client) for _ in range(3)]

        assert run(scenario()) == [BLOB.digest] * 3
        assert server.connections == 1

    def test_may_be_the_last_thing_that_a_connection_brings(self, run, authority):
        server = Server(whole_and_close, authority)

        async def scenario():
            async with server.client() as client:
                return [await read(client) for _ in range(3)]

        assert run(scenario()) == [BLOB.digest] * 3

    def test_that_ends_early_is_a_cut_connection(self, run, authority):
        async def scenario():
            async with Server(half_and_cut, authority).client() as client:
                with pytest.raises(ConnectionCut):
                    await read(client)

        run(scenario())

    def test_that_stops_coming_is_a_stall(self, run, authority):
        async def scenario():
            async with Server(half, authority).client(is_patient=False) as client:
                with pytest.raises(Stalled):
                    await read(client)

        run(scenario())

    def test_takes_no_byte_behind_its_end_for_its_own(self, run, authority):
        server = Server(too_much, authority)

        async def scenario():
            async with server.client() as client:
                first = await read(client)
                with contextlib.suppress(RegistryError):
                    assert await read(client) == BLOB.digest
                return first

        assert run(scenario()) == BLOB.digest

    def test_can_be_left_in_the_middle(self, run, authority):
        server = Server(whole, authority)

        async def scenario():
            async with server.client() as client:
                async with contextlib.aclosing(client.lend_blob("a", BLOB)) as pieces:
                    await anext(pieces)
                    await anext(pieces)
                return await read(client)

        assert run(scenario()) == BLOB.digest
        assert server.connections == 2

    def test_can_be_cancelled_while_it_is_awaited(self, run, authority):
        async def scenario():
            async with Server(half, authority).client() as client:
                task = asyncio.create_task(read(client))
                await asyncio.sleep(0.1)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        run(scenario())


class TestCopy:
    def test_sends_lent_pieces_before_they_are_filled_again(self, run):
        """The target takes them slowly and in small pieces, so that what is lent has to wait in the socket."""
        with FakeRegistry() as source, FakeRegistry() as target:
            source.put_blob("a", DATA)
            target.fault(Fault(method="PUT", delay_seconds=0.2))

            async def scenario():
                async with connect(source.url) as reader, connect(target.url, writes=True) as writer:
                    session = await begin(writer, "a")
                    await writer.upload_blob(
                        session, BLOB, lambda offset: reader.lend_blob("a", BLOB, offset=offset)
                    )

            run(scenario())
            assert target.blob("a", BLOB.digest) == DATA

    def test_goes_on_where_the_source_was_cut(self, run):
        with FakeRegistry() as source:
            source.put_blob("a", DATA)
            source.fault(Fault(method="GET", truncate_to=3 * MIB))

            async def scenario():
                async with connect(source.url, retry=QUICK) as client:
                    return await read(client)

            assert run(scenario()) == BLOB.digest
            assert len(source.requests_of("GET")) == 2
