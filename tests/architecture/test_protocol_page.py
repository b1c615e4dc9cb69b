"""The page about the protocol names a test for each of its points; those tests exist."""

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/protocol.md"
POINTS = range(1, 31)
_ROW = re.compile(r"\| (\d+) \|(.*)")
_TEST = re.compile(r"`(tests/[\w/]+\.py)::([\w:]+)`")


def rows() -> dict[int, str]:
    """Return the rows of the points by number."""
    found = [match for line in PAGE.read_text().splitlines() if (match := _ROW.fullmatch(line))]
    return {int(match[1]): match[2] for match in found}


def named_tests(text: str) -> list[tuple[str, str]]:
    """Return path and qualified name of every test that the text names."""
    return _TEST.findall(text)


@lru_cache
def defined_in(path: str) -> frozenset[str]:
    """Return the tests of a file as `Class::test` or `test`."""
    names = set()
    for node in ast.parse((ROOT / path).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        elif isinstance(node, ast.ClassDef):
            names |= {
                f"{node.name}::{child.name}" for child in node.body if isinstance(child, ast.FunctionDef)
            }
    return frozenset(names)


def test_every_point_of_the_protocol_is_there_once_and_in_order() -> None:
    numbers = [int(number) for number in re.findall(r"^\| (\d+) \|", PAGE.read_text(), re.MULTILINE)]
    assert numbers == list(POINTS)


@pytest.mark.parametrize("point", POINTS)
def test_every_point_names_a_test(point: int) -> None:
    assert named_tests(rows()[point])


def test_everything_that_looks_like_a_test_is_read_as_one() -> None:
    text = PAGE.read_text()
    assert len(named_tests(text)) == text.count("tests/") - text.count("`tests/fakes/`")


@pytest.mark.parametrize(("path", "name"), sorted(set(named_tests(PAGE.read_text()))))
def test_named_test_exists(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    assert name in defined_in(path)
    assert name.rpartition("::")[2].startswith("test_")
