import pytest

from registries.oci.endpoint import Endpoint


class TestEndpoint:
    @pytest.mark.parametrize(
        "url",
        [
            "reg.example",
            "ftp://reg",
            "https://",
            "https://reg/",
            "https://reg/v2",
            "https://u:p@reg",
            "https://reg:99999",
            "https://reg:0",
            "https://[::1",
            "https://reg?x",
        ],
    )
    def test_refuses_what_is_not_the_root_of_a_registry(self, url):
        with pytest.raises(ValueError, match="URL of a registry"):
            Endpoint(url)

    @pytest.mark.parametrize("prefix", ["/a", "a/", "/"])
    def test_refuses_a_prefix_with_a_slash_at_its_ends(self, prefix):
        with pytest.raises(ValueError, match="slash"):
            Endpoint("https://reg", prefix)

    def test_puts_its_prefix_before_names_and_takes_it_off(self):
        endpoint = Endpoint("https://reg", "a/b")
        assert endpoint.full_name("c/d") == "a/b/c/d"
        assert endpoint.own_name("a/b/c/d") == "c/d"
        assert endpoint.own_name("a/bc/d") is None
        assert endpoint.own_name("a/b") is None

    def test_leaves_names_alone_without_a_prefix(self):
        endpoint = Endpoint("https://reg")
        assert endpoint.full_name("c/d") == "c/d"
        assert endpoint.own_name("c/d") == "c/d"

    def test_hides_secrets_from_its_repr(self):
        text = repr(Endpoint("https://reg", username="user", password="hunter2", ca_pem="PEM"))
        assert "hunter2" not in text
        assert "PEM" not in text

    def test_shares_a_limiter_with_all_prefixes_and_users_of_the_registry(self):
        assert Endpoint("https://reg", "a", "u", "p").key == Endpoint("https://reg").key
