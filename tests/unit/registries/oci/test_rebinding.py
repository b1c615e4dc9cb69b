"""A name is resolved once for each connection, checked, and connected to where the check looked."""

from __future__ import annotations

import socket

import pytest

from registries.oci.errors import HostRefused
from registries.oci.guard import EndpointGuard, HostGuard
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import LOOPBACK, connect, run

NAME = "rebinding.example"


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


class Resolver:
    """Stands for a DNS server that answers otherwise each time, and in the end the same for ever."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, *_arguments: object, **_options: object) -> list[object]:
        self.asked.append(host)
        address = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        sockaddr = (address, port, 0, 0) if ":" in address else (address, port)
        return [(family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", sockaddr)]


@pytest.fixture
def resolve(monkeypatch):
    def answer_with(*answers: str) -> Resolver:
        resolver = Resolver(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return answer_with


def ping(url: str, times: int = 1, **options) -> None:
    async def scenario():
        async with connect(url, **options) as client:
            for _time in range(times):
                await client.ping()

    run(scenario())


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(registry, resolve):
    resolver = resolve("127.0.0.1", "10.0.0.1")
    ping(f"http://{NAME}:{registry.port}", guard=LOOPBACK)
    assert resolver.asked == [NAME]
    assert len(registry.requests) == 1


def test_a_name_that_has_moved_is_checked_again(registry, resolve):
    resolve("127.0.0.1", "10.0.0.1")
    ping(f"http://{NAME}:{registry.port}", guard=LOOPBACK)
    with pytest.raises(HostRefused):
        ping(f"http://{NAME}:{registry.port}", guard=LOOPBACK)
    assert len(registry.requests) == 1


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "0.0.0.0",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:169.254.169.254",
        "fe80::1",
        "fd00:ec2::254",
        "64:ff9b::a9fe:a9fe",
    ],
)
def test_a_public_name_cannot_stand_for_an_address_inside(registry, resolve, address):
    resolve(address)
    with pytest.raises(HostRefused) as caught:
        ping(f"http://{NAME}:5000", guard=HostGuard())
    assert address not in str(caught.value)


def test_a_redirect_to_a_name_inside_is_refused(registry, resolve):
    resolve("10.0.0.1")
    registry.fault(Fault(redirect_to=f"http://{NAME}:5000/v2/", times=None))
    with pytest.raises(HostRefused):
        ping(registry.url, guard=LOOPBACK)


@pytest.mark.parametrize(
    "host",
    [
        "127。0。0。1",
        "①②⑦.0.0.1",
        "[::ffff:127.0.0.1]",
        "[::ffff:a9fe:a9fe]",
        "0",
        "017700000001",
        "localhost",
    ],
)
def test_no_other_way_of_writing_an_address_leads_inside(registry, host):
    with pytest.raises(HostRefused):
        ping(f"http://{host}:{registry.port}", guard=HostGuard())
    assert registry.requests == []


@pytest.mark.parametrize("host", ["127。0。0。1", "127.0.0。1", "169。254。169。254"])
def test_a_realm_or_redirect_cannot_write_an_address_in_other_characters(host):
    """What connects normalizes it to an address, which is never resolved, and so was never checked."""
    guard = EndpointGuard(HostGuard(), "https://reg.example")
    with pytest.raises(HostRefused):
        guard.check_hop(f"https://{host}/token", "https://reg.example/v2/")
