import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registries import naming

patient = settings(deadline=None)

GRAMMARS = {name: value for name, value in vars(naming).items() if isinstance(value, naming.Grammar)}

ALLOWED = {
    "RULE_NAME": ["a", "0", "tf_example_sync_gz_to_sh", "a-.b", "1.", "x" * 255],
    "INSTANCE_NAME": ["abcde", "a-b-c", "12345", "a--b-c", "x" * 50],
    "INSTANCE_ID": ["tcr-dg284imq", "tcr-00000000"],
    "REPLICA_ID": ["tcr-dg284imq-5-os5gcu", "tcr-dg284imq-4294967295-os5gcu"],
    "NAMESPACE": ["ab", "my-team.eu_1", "12", "a" * 30],
    "CONNECTED_NAMESPACE": ["a", "library", "a__b", "a---b", "a.b", "a" * 255],
    "SELECTED_NAMESPACE": ["*", "a", "library", "a__b"],
    "REPOSITORY_PATH": ["nginx", "team-01/front/nginx", "a__b/c--d/e.f", "a/" * 127 + "a"],
    "PATH_PREFIX": ["tenants/tcr-dg284imq", "p", "a" * 54],
    "TAG": ["latest", "v1.0", "_x", "1.0.0-RC1", "A" * 128, "sha256-" + "0" * 64 + ".sig"],
    "ACCOUNT_ID": ["12345", "3321337994", "100036950234", "9" * 20],
    "USER_NAME": ["100036950234"],
    "SERVICE_ACCOUNT_NAME": ["tcr$ci", "tcr$ci-bot.1_x"],
    "REGION_CODE": ["ap-guangzhou", "ap-shanghai-fsi", "local", "eu-west-1"],
}
REFUSED = {
    "RULE_NAME": ["", "-a", ".a", "_a", "A", "a b", "a/b", "é", "规则", "a\n", "x" * 256],
    "INSTANCE_NAME": ["", "abcd", "-abcd", "abcd-", "Abcde", "ab.cd", "ab_cd", "abcde\n", "x" * 51],
    "INSTANCE_ID": ["", "tcr-dg284im", "tcr-dg284imqq", "tcr-DG284IMQ", "ccr-dg284imq", "tcr-dg284imq\n"],
    "REPLICA_ID": ["tcr-dg284imq", "tcr-06d62e1r-5", "tcr-dg284imq-x-os5gcu", "tcr-dg284imq-5-OS5GCU"],
    "NAMESPACE": ["", "a", "-ab", "ab-", "a..b", "a__b", "a-.b", "a/b", "Ab", "a" * 31, "ab\n"],
    "CONNECTED_NAMESPACE": ["", "a/b", "-a", "a-", "a..b", "a___b", "a._b", "A", "a" * 256],
    "SELECTED_NAMESPACE": ["", "**", "a*", "*a", "A", "a/b"],
    "REPOSITORY_PATH": ["", "/a", "a/", "a//b", "A/b", "a/-b", "a b", "a/..", "a" * 256, "a\n", "a:b"],
    "PATH_PREFIX": ["", "/a", "a/", "a" * 55],
    "TAG": ["", ".a", "-a", "a/b", "a:b", "a b", "é", "a\n", "A" * 129],
    "ACCOUNT_ID": ["", "1234", "12a45", "-12345", "1" * 21, "１２３４５", "١٢٣٤٥", "12345\n", "12 345"],
    "USER_NAME": ["tcr$ci", "admin"],
    "SERVICE_ACCOUNT_NAME": ["ci", "tcr$", "tcr$-ci", "tcr$CI", "TCR$ci", "tcr$" + "a" * 61],
    "REGION_CODE": ["", "a", "-ap", "ap-", "ap--x", "AP-guangzhou", "1-ap", "ap guangzhou"],
}


def cases(table):
    return [pytest.param(name, value, id=f"{name}-{value[:24]!r}") for name in table for value in table[name]]


class TestGrammar:
    @pytest.mark.parametrize(("name", "value"), cases(ALLOWED))
    def test_allows(self, name, value):
        assert GRAMMARS[name].allows(value)

    @pytest.mark.parametrize(("name", "value"), cases(REFUSED))
    def test_refuses(self, name, value):
        assert not GRAMMARS[name].allows(value)

    def test_has_cases_of_both_kinds_for_every_name(self):
        assert set(ALLOWED) == set(REFUSED) == set(GRAMMARS)

    @pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
    def test_says_what_is_allowed_in_one_sentence(self, grammar):
        assert re.fullmatch(r"[A-Z].+\.", grammar.sentence)

    @pytest.mark.parametrize("name", ["CONNECTED_NAMESPACE", "REPOSITORY_PATH", "NAMESPACE", "TAG"])
    @patient
    @given(value=st.text("a0._-/", max_size=300))
    def test_follows_the_definition_in_the_specification(self, name, value):
        component = r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*"
        published, length = {
            "CONNECTED_NAMESPACE": (component, 255),
            "REPOSITORY_PATH": (rf"{component}(\/{component})*", 255),
            "NAMESPACE": (r"(?!.*[._-]{2})[a-z0-9]([a-z0-9._-]*[a-z0-9])", 30),
            "TAG": (r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", 128),
        }[name]
        expected = len(value) <= length and re.fullmatch(published, value) is not None
        assert GRAMMARS[name].allows(value) == expected

    @pytest.mark.parametrize("grammar", GRAMMARS.values(), ids=GRAMMARS)
    def test_answers_at_once_for_hostile_values(self, grammar):
        assert not grammar.allows("a_" * 100_000 + "!")
        assert not grammar.allows("a" * (grammar.maximum - 1) + "!")


class TestNamespaceGrammar:
    @patient
    @given(value=st.from_regex(naming.NAMESPACE.pattern, fullmatch=True))
    def test_creates_only_what_every_registry_accepts(self, value):
        assert not naming.NAMESPACE.allows(value) or naming.CONNECTED_NAMESPACE.allows(value)


class TestIsServiceAccountName:
    @pytest.mark.parametrize("value", ["tcr$ci", "tcr$", " tcr$ci", "TCR$ci", "tcr$CI BOT"])
    def test_recognises_the_prefix(self, value):
        assert naming.is_service_account_name(value)

    @pytest.mark.parametrize("value", ["", "100036950234", "tcr", "tcr-dg284imq", "ci", "x-tcr$ci"])
    def test_leaves_other_names_alone(self, value):
        assert not naming.is_service_account_name(value)


class TestNewInstanceId:
    def test_returns_valid_and_different_ids(self):
        ids = {naming.new_instance_id() for _ in range(200)}
        assert len(ids) == 200
        assert all(naming.INSTANCE_ID.allows(value) for value in ids)


class TestNewReplicaId:
    def test_names_the_instance_and_the_region(self):
        ids = {naming.new_replica_id("tcr-dg284imq", 5) for _ in range(200)}
        assert len(ids) == 200
        assert all(naming.REPLICA_ID.allows(value) and value.startswith("tcr-dg284imq-5-") for value in ids)

    @pytest.mark.parametrize(("instance_id", "region_id"), [("dg284imq", 5), ("tcr-dg284imq", -1), ("", 1)])
    def test_refuses_parts_that_make_up_no_replica_id(self, instance_id, region_id):
        with pytest.raises(ValueError, match="A replica ID is"):
            naming.new_replica_id(instance_id, region_id)
