"""The numbers of each edition, how an operator changes them, and that the page tells them."""

import re
from pathlib import Path

import pytest

from registries.editions import DEFAULT_QUOTAS, parse_quotas
from registries.models import Edition

PAGE = Path(__file__).resolve().parents[3] / "docs/reference/editions.md"


class TestParseQuotas:
    def test_has_the_defaults_of_every_edition(self):
        assert parse_quotas([]) == DEFAULT_QUOTAS
        assert list(DEFAULT_QUOTAS) == Edition.values

    def test_changes_what_is_named_and_nothing_else(self):
        quotas = parse_quotas(["standard.rules=50", " premium.rules = unlimited ", "basic.namespaces=0"])
        assert quotas["standard"] == {**DEFAULT_QUOTAS["standard"], "rules": 50}
        assert quotas["premium"] == {**DEFAULT_QUOTAS["premium"], "rules": None}
        assert quotas["basic"]["namespaces"] == 0

    def test_leaves_the_defaults_alone(self):
        parse_quotas(["standard.rules=50"])
        assert DEFAULT_QUOTAS["standard"]["rules"] == 500

    @pytest.mark.parametrize(
        ("word", "words_of_it"),
        [
            ("rules=5", "no quota 'rules'"),
            ("gold.rules=5", "no quota 'gold.rules'"),
            ("premium.users=5", "no quota 'premium.users'"),
            ("standard.rules", "whole number or unlimited"),
            ("standard.rules=-1", "whole number"),
            ("standard.rules=many", "whole number"),
            ("standard.rules=٣", "whole number"),
            ("basic.rules=5", "basic edition has no rules"),
            ("standard.replicas=unlimited", "standard edition has no replicas"),
        ],
    )
    def test_refuses_what_is_none_and_names_it(self, word, words_of_it):
        with pytest.raises(ValueError, match=words_of_it):
            parse_quotas([word])


def test_the_page_tells_the_numbers():
    rows = re.findall(r"^\| `(\w+)` .*?\| (\d+) \| (\d+) \| (\d+) \|$", PAGE.read_text(), re.MULTILINE)
    told = {name: [int(number) for number in numbers] for name, *numbers in rows}
    assert told == {noun: [DEFAULT_QUOTAS[edition][noun] for edition in Edition.values] for noun in told}
    assert set(told) == set(DEFAULT_QUOTAS["basic"])
