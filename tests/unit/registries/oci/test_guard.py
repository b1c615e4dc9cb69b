import ipaddress

import pytest

from registries.oci.errors import HostRefused
from registries.oci.guard import EndpointGuard, HostGuard, is_public, parse_address

PUBLIC = "93.184.216.34"


def addresses(*texts):
    return [ipaddress.ip_address(text) for text in texts]


class TestIsPublic:
    @pytest.mark.parametrize(
        "address", [PUBLIC, "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
    )
    def test_is_true_for_the_internet(self, address):
        assert is_public(ipaddress.ip_address(address))

    @pytest.mark.parametrize(
        "address",
        [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.254",
            "169.254.169.254",
            "168.63.129.16",
            "172.16.0.1",
            "192.0.0.192",
            "192.168.0.1",
            "198.18.0.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.1.1.1",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "ff0e::1",
            "2001:db8::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "2002:0a00:0001::1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::7f00:1",
            "192.88.99.1",
            "2001::7f00:1",
            "fec0::1",
            "::127.0.0.1",
        ],
    )
    def test_is_false_for_everything_else(self, address):
        assert not is_public(ipaddress.ip_address(address))


class TestCheckAddresses:
    def test_lets_public_addresses_through_on_the_ports_of_registries(self):
        assert HostGuard().check_addresses("reg.example", 443, addresses(PUBLIC)) == addresses(PUBLIC)

    @pytest.mark.parametrize("port", [22, 25, 6379, 3306, 2375, 10250, 9200, 0])
    def test_refuses_other_ports_of_public_addresses(self, port):
        with pytest.raises(HostRefused):
            HostGuard().check_addresses("reg.example", port, addresses(PUBLIC))

    def test_takes_the_ports_it_is_given(self):
        guard = HostGuard(ports=frozenset({7000}))
        assert guard.check_addresses("reg.example", 7000, addresses(PUBLIC))

    def test_drops_private_addresses_of_a_name_that_has_both(self):
        passed = HostGuard().check_addresses("reg.example", 443, addresses("10.0.0.1", PUBLIC))
        assert passed == addresses(PUBLIC)

    def test_names_the_host_and_never_the_address(self):
        with pytest.raises(HostRefused) as caught:
            HostGuard().check_addresses("intranet.example", 443, addresses("10.1.2.3"))
        assert "intranet.example:443" in str(caught.value)
        assert "10.1.2.3" not in str(caught.value)

    def test_opens_allowed_networks_on_any_port(self):
        guard = HostGuard(allowed_networks=["10.0.0.0/8", "fc00::/7"])
        assert guard.check_addresses("reg", 9999, addresses("10.1.2.3"))
        assert guard.check_addresses("reg", 9999, addresses("fc00::7"))
        assert guard.check_addresses("reg", 9999, addresses("::ffff:10.1.2.3"))
        with pytest.raises(HostRefused):
            guard.check_addresses("reg", 9999, addresses("192.168.0.1"))

    @pytest.mark.parametrize("address", ["169.254.169.254", "168.63.129.16", "100.100.100.200"])
    def test_keeps_metadata_closed_unless_it_is_named_exactly(self, address):
        wide = HostGuard(allowed_networks=["169.254.0.0/16", "168.63.0.0/16", "100.64.0.0/10"])
        with pytest.raises(HostRefused):
            wide.check_addresses("metadata", 80, addresses(address))
        exact = HostGuard(allowed_networks=[address])
        assert exact.check_addresses("metadata", 80, addresses(address))

    def test_can_refuse_private_addresses_even_where_they_are_allowed(self):
        guard = HostGuard(allowed_networks=["10.0.0.0/8"])
        with pytest.raises(HostRefused):
            guard.check_addresses("reg", 443, addresses("10.0.0.1"), may_be_private=False)


class TestCheck:
    @pytest.mark.parametrize(
        "url", ["https://reg.example/v2/", "http://reg.example:5000", f"https://{PUBLIC}/"]
    )
    def test_lets_ordinary_addresses_through(self, url):
        HostGuard().check(url)

    @pytest.mark.parametrize(
        "url",
        [
            "ftp://reg.example/",
            "file:///etc/passwd",
            "gopher://reg.example/",
            "/v2/",
            "https://",
            "https://user:pass@reg.example/",
            "https://user@reg.example/",
            "https://reg.example:99999/",
            "https://[::1/",
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f.0x1/",
            "http://93.184.216.34./",
            "http://[::1]/",
            "http://[fe80::1%25eth0]/",
            "http://169.254.169.254/latest/meta-data/",
            f"http://{PUBLIC}:22/",
        ],
    )
    def test_refuses_everything_else(self, url):
        with pytest.raises(HostRefused):
            HostGuard().check(url)

    def test_never_lets_https_lead_to_http(self):
        with pytest.raises(HostRefused, match="from https to http"):
            HostGuard().check("http://reg.example/", came_from="https://reg.example/")

    def test_lets_http_lead_to_https(self):
        HostGuard().check("https://reg.example/", came_from="http://reg.example/")


class TestEndpointGuard:
    POLICY = HostGuard(allowed_networks=["10.0.0.0/8"])

    def test_keeps_a_public_registry_out_of_allowed_private_networks(self):
        guard = EndpointGuard(self.POLICY, "https://reg.example")
        guard.check_addresses("reg.example", 443, addresses(PUBLIC))
        with pytest.raises(HostRefused):
            guard.check_addresses("token.example", 443, addresses("10.0.0.1"))
        with pytest.raises(HostRefused):
            guard.check_hop("https://10.0.0.1/token", "https://reg.example/v2/")

    def test_lets_a_private_registry_lead_to_its_neighbours(self):
        guard = EndpointGuard(self.POLICY, "https://reg.internal")
        guard.check_addresses("reg.internal", 443, addresses("10.0.0.1"))
        assert guard.check_addresses("token.internal", 8443, addresses("10.0.0.2"))
        guard.check_hop("https://10.0.0.2/token", "https://reg.internal/v2/")

    def test_takes_an_unresolved_registry_for_public(self):
        guard = EndpointGuard(self.POLICY, "https://reg.internal")
        with pytest.raises(HostRefused):
            guard.check_hop("https://10.0.0.2/token", "https://reg.internal/v2/")

    def test_knows_a_literal_address_without_resolving(self):
        guard = EndpointGuard(self.POLICY, "https://10.0.0.1")
        guard.check_home()
        guard.check_hop("https://10.0.0.2/token", "https://10.0.0.1/v2/")

    def test_refuses_a_home_that_is_not_allowed(self):
        with pytest.raises(HostRefused):
            EndpointGuard(self.POLICY, "http://192.168.0.1").check_home()


def test_parse_address_tells_names_from_addresses():
    assert parse_address("reg.example") is None
    assert parse_address("127.1") is None
    assert parse_address("fe80::1%eth0") == ipaddress.ip_address("fe80::1")
