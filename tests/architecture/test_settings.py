"""Each setting is documented, and each documented one exists."""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_lists_exactly_the_variables_that_are_read():
    source = (ROOT / "console/settings.py").read_text()
    read = {f"REGATTA_{name}" for name in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)}
    documented = set(
        re.findall(r"^\| `(REGATTA_[A-Z_]+)`", (ROOT / "docs/reference/settings.md").read_text(), re.M)
    )
    assert read == documented
