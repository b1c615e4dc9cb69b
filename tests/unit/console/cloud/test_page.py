"""The page of the cloud API is made of the table."""

import re
from pathlib import Path

from console.cloud import page

TESTS = Path(__file__).resolve().parents[3]


def test_the_page_is_current():
    text = page.PAGE.read_text()
    assert page.render(text) == text, "run python -m console.cloud.page"


def test_every_test_that_the_page_names_exists():
    source = "\n".join(path.read_text() for path in Path(__file__).parent.glob("*.py"))
    source += (TESTS / "integration/test_cloud_sdk.py").read_text()
    named = re.findall(r"\b(test_[a-z_]{20,}|Test[A-Z]\w+)", page.PAGE.read_text())
    assert len(named) > 12
    for name in named:
        assert re.search(rf"(def|class) {name}", source), name
