"""docs/reference/apply.md keeps to the code: its example is applied, its tables know every key."""

import re
from pathlib import Path

import pytest
import yaml

from console.apply.schema import FILE, Key, Kind
from syncjobs.models import Rule
from tests.unit.console.apply.conftest import statuses

PAGE = (Path(__file__).parents[4] / "docs" / "reference" / "apply.md").read_text(encoding="utf-8")
EXAMPLE = PAGE.partition("```yaml\n")[2].partition("```")[0]


def described_keys(section: str) -> set[str]:
    """Return the keys in the first column of the section's table; required ones begin with `!`."""
    table = PAGE.partition(f"### {section}\n")[2].partition("\n### ")[0].partition("\n## ")[0]
    keys = set()
    for row in re.findall(r"^\| (.+?) \|", table, re.MULTILINE):
        for mark, key in re.findall(r"(\*\*)?`([a-z_\[\].]+)`", row):
            keys.add(("!" if mark else "") + key)
    return keys


def known_keys(keys: dict[str, Key], prefix: str = "") -> set[str]:
    found = set()
    for name, key in keys.items():
        found.add(("!" if key.is_required else "") + prefix + name)
        if key.kind is Kind.ENTRIES:
            found |= known_keys(dict(key.entries), f"{prefix}{name}[].")
    return found


@pytest.mark.parametrize("section", FILE)
def test_the_tables_know_every_key_and_no_other(section):
    assert described_keys(section) == known_keys(dict(FILE[section].entries))


def test_the_example_shows_every_key_of_a_rule():
    rule = yaml.safe_load(EXAMPLE)["rules"]
    shown = {key.removesuffix("_env") for one in rule for key in one}
    assert shown >= set(FILE["rules"].entries) - {"target_username"}


@pytest.mark.django_db
def test_the_example_can_be_applied_and_then_changes_nothing(apply_text, monkeypatch):
    for variable in re.findall(r"_env: (\w+)", EXAMPLE):
        monkeypatch.setenv(variable, f"Secret-of-{variable}")
    assert "unchanged" not in statuses(apply_text(EXAMPLE)).values()
    assert set(statuses(apply_text(EXAMPLE)).values()) == {"unchanged"}
    assert {rule.name for rule in Rule.objects.all()} == {"nightly-releases", "to-partner"}
