import json

import pytest

from registries.oci.challenge import Challenge
from registries.oci.errors import Unauthorized
from registries.oci.tokens import Token, TokenCache, parse_token, token_key

NOW = 1000.0
WALL = 1_700_000_000.0  # 2023-11-14T22:13:20Z


def parse(now=NOW, wall_now=WALL, **fields):
    return parse_token(json.dumps(fields).encode(), now=now, wall_now=wall_now)


class TestParseToken:
    @pytest.mark.parametrize("name", ["token", "access_token"])
    def test_reads_either_name(self, name):
        assert parse(**{name: "abc"}).authorization == "Bearer abc"

    def test_prefers_token_over_access_token(self):
        assert parse(token="a", access_token="b").authorization == "Bearer a"

    def test_counts_sixty_seconds_if_nothing_is_said(self):
        assert parse(token="a").renew_at == NOW + 60 - 6

    @pytest.mark.parametrize(("life", "margin"), [(60, 6), (300, 30), (3600, 30), (10, 1), ("300", 30)])
    def test_renews_before_the_end_by_a_tenth_but_at_most_half_a_minute(self, life, margin):
        assert parse(token="a", expires_in=life).renew_at == NOW + int(life) - margin

    @pytest.mark.parametrize("life", [0, -5, "soon", None, True])
    def test_takes_the_default_for_a_life_that_makes_no_sense(self, life):
        assert parse(token="a", expires_in=life).renew_at == NOW + 54

    def test_counts_from_issued_at(self):
        token = parse(token="a", expires_in=300, issued_at="2023-11-14T22:12:20Z")
        assert token.renew_at == NOW + 300 - 60 - 30

    def test_takes_issued_at_without_a_zone_as_utc(self):
        assert parse(token="a", expires_in=300, issued_at="2023-11-14T22:12:20").renew_at == NOW + 210

    @pytest.mark.parametrize(
        "issued_at", ["2030-01-01T00:00:00Z", "1990-01-01T00:00:00Z", "2023-11-14T20:00:00Z", "yesterday", 5]
    )
    def test_ignores_the_clock_of_another_time(self, issued_at):
        assert parse(token="a", expires_in=300, issued_at=issued_at).renew_at == NOW + 270

    @pytest.mark.parametrize(
        "content",
        [
            b"",
            b"[]",
            b"{}",
            b'{"token": ""}',
            b'{"token": 5}',
            b'{"token": "a\\r\\nX: y"}',
            b'{"token":"\\u00e9"}',
        ],
    )
    def test_refuses_an_answer_without_a_usable_token(self, content):
        with pytest.raises(Unauthorized):
            parse_token(content, now=NOW, wall_now=WALL)

    def test_hides_the_token_from_its_repr(self):
        assert "secret" not in repr(parse(token="secret"))


class TestTokenCache:
    @pytest.fixture
    def clock(self):
        return [NOW]

    @pytest.fixture
    def cache(self, clock):
        return TokenCache(lambda: clock[0])

    KEY = token_key(Challenge("bearer", {"realm": "https://t/", "service": "s"}), ("repository:a:pull",))

    def test_returns_a_token_until_it_is_to_be_renewed(self, cache, clock):
        token = Token("Bearer a", NOW + 10)
        cache.store(self.KEY, token)
        assert cache.find(self.KEY) is token
        clock[0] = NOW + 10
        assert cache.find(self.KEY) is None

    def test_tells_realms_services_and_scopes_apart(self, cache):
        cache.store(self.KEY, Token("Bearer a", NOW + 10))
        realm, service, scopes = self.KEY
        for other in [("https://u/", service, scopes), (realm, "t", scopes), (realm, service, ())]:
            assert cache.find(other) is None

    def test_forgets_only_the_token_that_was_refused(self, cache):
        cache.store(self.KEY, Token("Bearer new", NOW + 10))
        cache.forget(self.KEY, "Bearer old")
        assert cache.find(self.KEY) is not None
        cache.forget(self.KEY, "Bearer new")
        assert cache.find(self.KEY) is None

    def test_lets_the_oldest_go_when_it_is_full(self, cache):
        for number in range(4097):
            cache.store(("r", "s", (str(number),)), Token("Bearer a", NOW + 10))
        assert cache.find(("r", "s", ("0",))) is None
        assert cache.find(("r", "s", ("1",))) is not None
        assert cache.find(("r", "s", ("4096",))) is not None
