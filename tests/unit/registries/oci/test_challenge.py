import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci.challenge import Challenge, choose, parse_challenges

DOCKER_HUB = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push"'


class TestParseChallenges:
    def test_keeps_commas_inside_quotes(self):
        (challenge,) = parse_challenges([DOCKER_HUB])
        assert challenge.scheme == "bearer"
        assert challenge.realm == "https://auth.docker.io/token"
        assert challenge.service == "registry.docker.io"
        assert challenge.scopes == ("repository:a/b:pull,push",)

    def test_splits_several_scopes_at_blanks(self):
        (challenge,) = parse_challenges(['Bearer realm="r",scope="repository:a:pull repository:b:push"'])
        assert challenge.scopes == ("repository:a:pull", "repository:b:push")

    def test_reads_several_challenges_of_one_header(self):
        found = parse_challenges(
            ['Basic realm="a, b", Bearer realm="https://t/",service=s, Digest nonce="x"']
        )
        assert [challenge.scheme for challenge in found] == ["basic", "bearer", "digest"]
        assert found[0].realm == "a, b"
        assert found[1].service == "s"

    def test_reads_several_headers(self):
        assert len(parse_challenges(["Basic", DOCKER_HUB])) == 2

    def test_unescapes_quoted_characters(self):
        (challenge,) = parse_challenges([r'Basic realm="a \"quoted\" \\ realm"'])
        assert challenge.realm == 'a "quoted" \\ realm'

    def test_takes_bare_values_and_blanks_around_the_equals_sign(self):
        (challenge,) = parse_challenges(["Bearer realm = https://t/token?a=b , service=x"])
        assert challenge.realm == "https://t/token?a=b"
        assert challenge.service == "x"

    def test_ignores_case_of_scheme_and_names(self):
        (challenge,) = parse_challenges(['BEARER Realm="https://t/",SERVICE="S"'])
        assert challenge == Challenge("bearer", {"realm": "https://t/", "service": "S"})

    def test_steps_over_schemes_with_a_single_token(self):
        found = parse_challenges(['Negotiate YWJj==, Bearer realm="https://t/"'])
        assert choose(found) == Challenge("bearer", {"realm": "https://t/"})

    def test_reads_the_error_of_a_refused_token(self):
        (challenge,) = parse_challenges(['Bearer realm="r",error="insufficient_scope"'])
        assert challenge.error == "insufficient_scope"

    def test_keeps_the_first_of_repeated_parameters(self):
        (challenge,) = parse_challenges(['Bearer realm="https://good/",realm="https://evil/"'])
        assert challenge.realm == "https://good/"

    @pytest.mark.parametrize("header", ["", ",,,", '"', "=", "realm=x"])
    def test_survives_nonsense(self, header):
        assert choose(parse_challenges([header])) is None

    @given(st.text(max_size=80))
    def test_never_raises(self, header):
        for challenge in parse_challenges([header]):
            assert challenge.scheme == challenge.scheme.lower()


class TestChoose:
    def test_prefers_bearer_whatever_the_order(self):
        bearer = Challenge("bearer", {"realm": "https://t/"})
        assert choose([Challenge("basic"), bearer]) is bearer
        assert choose([bearer, Challenge("basic")]) is bearer

    def test_falls_back_to_basic_if_bearer_has_no_realm(self):
        basic = Challenge("basic")
        assert choose([Challenge("bearer"), basic]) is basic

    def test_returns_none_for_schemes_we_do_not_know(self):
        assert choose([Challenge("digest"), Challenge("negotiate")]) is None
