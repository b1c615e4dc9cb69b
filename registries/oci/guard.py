"""
Decides which hosts may be contacted on behalf of a tenant.

A registry sends us to other hosts: token realms, upload locations, redirects. Each of them is checked
twice: its URL before the request, its addresses when the name is resolved; the connection then goes
to a checked address, never to a second resolution. Source: OWASP, "SSRF Prevention Cheat Sheet".
"""

import ipaddress
from collections.abc import Iterable, Sequence
from urllib.parse import SplitResult, urlsplit

from registries.oci.errors import HostRefused

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What registries, their token servers and object stores listen on in public: the two of the web,
# distribution (5000, 5001), GitLab (5005, 5050), Nexus and Artifactory (8081 to 8083), and the usual
# second choices.
PUBLIC_PORTS = frozenset({80, 443, 5000, 5001, 5005, 5050, 8080, 8081, 8082, 8083, 8443, 9443})

# Clouds answer there with credentials of the machine. 168.63.129.16 lies in public space.
METADATA_ADDRESSES = frozenset(
    ipaddress.ip_address(address)
    for address in (
        "168.63.129.16",
        "169.254.169.254",
        "169.254.170.2",
        "169.254.0.23",
        "100.100.100.200",
        "fd00:ec2::254",
    )
)

# Ranges for protocols and transitions that this Python's ipaddress takes for global, wholly or in part.
_SPECIAL_NETWORKS: tuple[Network, ...] = tuple(
    ipaddress.ip_network(network)
    for network in (
        "192.0.0.0/24",
        "192.88.99.0/24",
        "::/96",
        "::ffff:0:0:0/96",
        "64:ff9b:1::/48",
        "2001::/23",
        "3fff::/20",
        "5f00::/16",
        "fec0::/10",
    )
)
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_DEFAULT_PORTS = {"http": 80, "https": 443}


class HostGuard:
    """
    The policy of one deployment. By default only public addresses on the ports of registries pass.

    `allowed_networks` opens private networks, on any port. A metadata address stays closed unless
    a network names exactly it.
    """

    def __init__(
        self, *, allowed_networks: Iterable[str | Network] = (), ports: frozenset[int] = PUBLIC_PORTS
    ) -> None:
        self._networks: tuple[Network, ...] = tuple(
            ipaddress.ip_network(str(network)) for network in allowed_networks
        )
        self._ports = ports

    def check(self, url: str, *, came_from: str | None = None, may_be_private: bool = True) -> None:
        """
        Raise HostRefused if the URL may not be requested, as far as can be told without resolving.

        `came_from` is the URL whose answer named this one: https never leads to http.
        `may_be_private` False refuses private addresses even in an allowed network.
        """
        parts = _split(url)
        if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
            raise HostRefused("the registry names an address that is neither http nor https")
        if parts.username is not None or parts.password is not None:
            raise HostRefused(f"the registry names {parts.hostname} with credentials in the address")
        if came_from is not None and parts.scheme == "http" and urlsplit(came_from).scheme == "https":
            raise HostRefused(f"the registry leads from https to http at {parts.hostname}")
        if not parts.hostname.isascii():
            # Whoever connects normalizes it, and "127。0。0。1" is an address then, which is never resolved.
            raise HostRefused(f"{parts.hostname} is not written in ASCII")
        address = parse_address(parts.hostname)
        if address is None and _is_numeric(parts.hostname):
            raise HostRefused(f"{parts.hostname} is neither a name nor an address in its usual form")
        if address is not None:
            port = parts.port or _DEFAULT_PORTS[parts.scheme]
            self.check_addresses(parts.hostname, port, [address], may_be_private=may_be_private)

    def check_addresses(
        self, host: str, port: int, addresses: Sequence[Address], *, may_be_private: bool = True
    ) -> list[Address]:
        """
        Return the addresses of the host that may be connected to, in their order.

        Raises HostRefused if there are none. Its message names the host, never an address: a tenant
        could map the private network with it.
        """
        passed = [
            address for address in addresses if self._passes(address, port, may_be_private=may_be_private)
        ]
        if not passed:
            raise HostRefused(f"{host}:{port} may not be contacted; an operator can allow its network")
        return passed

    def _passes(self, address: Address, port: int, *, may_be_private: bool) -> bool:
        inner = _unwrap(address)
        if is_public(inner):
            if port in self._ports:
                return True
        elif not may_be_private:
            return False
        for network in self._networks:
            if inner.version == network.version and inner in network:
                return inner not in METADATA_ADDRESSES or network.num_addresses == 1
        return False


class EndpointGuard:
    """
    The guard of one endpoint: a registry of the public internet may not send us into a private network.

    Not even into an allowed one: that is allowed for the registries that live there. Whether the
    endpoint is public is known once its name was resolved; until then it counts as public.
    """

    def __init__(self, guard: HostGuard, url: str) -> None:
        self._guard = guard
        self._url = url
        self._host = urlsplit(url).hostname or ""
        literal = parse_address(self._host)
        self._is_public = literal is None or is_public(literal)

    def check_home(self) -> None:
        """Raise HostRefused if the endpoint itself may not be contacted."""
        self._guard.check(self._url)

    def check_hop(self, url: str, came_from: str) -> None:
        """Raise HostRefused if an answer from `came_from` may not send us to the URL."""
        self._guard.check(url, came_from=came_from, may_be_private=not self._is_public)

    def check_addresses(self, host: str, port: int, addresses: Sequence[Address]) -> list[Address]:
        """Return the addresses that may be connected to. Raises HostRefused if there are none."""
        if host.lower() != self._host:
            return self._guard.check_addresses(host, port, addresses, may_be_private=not self._is_public)
        passed = self._guard.check_addresses(host, port, addresses)
        self._is_public = all(is_public(address) for address in passed)
        return passed


def is_public(address: Address) -> bool:
    """Tell whether the address lies in the public internet and belongs to nobody in particular."""
    inner = _unwrap(address)
    if not inner.is_global or inner.is_multicast or inner in METADATA_ADDRESSES:
        return False
    return not any(inner in network for network in _SPECIAL_NETWORKS)


def parse_address(host: str) -> Address | None:
    """Return the address if the host is one and not a name."""
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_numeric(host: str) -> bool:
    """
    Tell whether resolvers may take the host for an address, as "2130706433", "127.1" or "0x7f.1".

    Source: WHATWG URL, "ends in a number checker".
    """
    last = host.rstrip(".").rpartition(".")[2]
    return last.isdigit() or last.startswith("0x")


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise HostRefused("the registry names an address that cannot be read") from error
    return parts


def _unwrap(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 address stands for, else the address."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address
