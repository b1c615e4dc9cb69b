import asyncio
import contextlib
import ssl
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import HostRefused, Unreachable
from registries.oci.guard import HostGuard
from registries.oci.manifest import Descriptor
from registries.oci.transport import USER_AGENT
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.servers.certificates import self_signed
from tests.unit.registries.oci.clients import LOOPBACK, QUICK, begin, connect, describe, run

BIG = 256 * 1024 * 1024
ROOM = 48 * 1024 * 1024
"""Far less than a blob, far more than the buffers of two sockets."""


class TestTls:
    @pytest.fixture
    def authority(self, tmp_path):
        key, certificate = self_signed("registry")
        (tmp_path / "cert.pem").write_text(certificate)
        (tmp_path / "key.pem").write_text(key)
        return tmp_path

    @contextlib.asynccontextmanager
    async def server(self, directory: Path) -> AsyncIterator[int]:
        async def answer(reader, writer):
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
                await writer.drain()
            writer.close()

        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(directory / "cert.pem", directory / "key.pem")
        server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
        async with server:
            yield server.sockets[0].getsockname()[1]

    def ping(self, directory, host="127.0.0.1", **options):
        async def scenario():
            async with self.server(directory) as port:
                endpoint = Endpoint(f"https://{host}:{port}", **options)
                async with RegistryClient(endpoint, guard=LOOPBACK, retry=QUICK) as client:
                    await client.ping()

        run(scenario())

    def test_refuses_a_certificate_that_nobody_vouches_for(self, authority):
        with pytest.raises(Unreachable, match="self-signed certificate"):
            self.ping(authority)

    def test_trusts_the_authority_of_the_endpoint(self, authority):
        self.ping(authority, ca_pem=(authority / "cert.pem").read_text())

    def test_refuses_the_certificate_of_another_host(self, authority):
        with pytest.raises(Unreachable, match="TLS"):
            self.ping(authority, host="localhost", ca_pem=(authority / "cert.pem").read_text())

    @pytest.mark.parametrize("ca_pem", ["nonsense", "-----BEGIN CERTIFICATE-----", "ä"])
    def test_says_so_when_the_authority_cannot_be_read(self, authority, ca_pem):
        with pytest.raises(Unreachable, match="CA certificate"):
            self.ping(authority, ca_pem=ca_pem)

    def test_is_not_verified_where_that_is_asked(self, authority):
        self.ping(authority, verify_tls=False)


class TestBackPressure:
    def test_stops_the_registry_while_nobody_reads(self):
        with FakeRegistry() as registry:
            digest = registry.put_synthetic_blob("team/app", BIG, seed=1)

            async def scenario():
                async with connect(registry.url) as client:
                    blob = Descriptor("a/b", digest, BIG)
                    async with contextlib.aclosing(client.stream_blob("team/app", blob)) as chunks:
                        first = await anext(chunks)
                        assert len(first) <= 2 * 1024 * 1024
                        await settled(lambda: registry.requests[0].response_bytes)

            run(scenario())
            assert registry.requests[0].response_bytes < ROOM

    def test_stops_the_source_while_the_registry_takes_nothing(self):
        gate = Gate()
        taken = 0

        async def source(offset):
            nonlocal taken
            for _ in range(BIG // 1_048_576):
                taken += 1_048_576
                yield bytes(1_048_576)

        with FakeRegistry() as registry:
            registry.fault(Fault(method="PUT", gate=gate, times=None))

            async def scenario():
                async with connect(registry.url, writes=True) as client:
                    session = await begin(client, "team/app")
                    blob = Descriptor("a/b", describe(b"").digest, BIG)
                    task = asyncio.create_task(client.upload_blob(session, blob, source))
                    await settled(lambda: taken)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task

            run(scenario())
            gate.open()
        assert 0 < taken < ROOM


async def settled(measure):
    """Wait until the measure is above zero and changes no more."""
    last = 0
    while last == 0 or last != measure():
        last = measure()
        await asyncio.sleep(0.15)


class TestAddresses:
    @pytest.mark.parametrize(
        "host", ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "127.1", "127.0.0.1.", "localhost"]
    )
    def test_cannot_be_written_so_that_the_guard_overlooks_them(self, host):
        with FakeRegistry() as registry:

            async def scenario():
                async with connect(f"http://{host}:{registry.port}", guard=HostGuard()) as client:
                    with pytest.raises(HostRefused):
                        await client.ping()

            run(scenario())
            assert registry.requests == []


def test_user_agent_names_the_version_of_the_program():
    project = tomllib.loads((Path(__file__).parents[4] / "pyproject.toml").read_text())["project"]
    assert f"{project['name']}/{project['version']}" == USER_AGENT
