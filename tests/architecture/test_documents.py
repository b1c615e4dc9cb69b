"""The documents lead somewhere, and their pictures are the ones that `make screenshots PUBLISH=1` takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.browser.screenshots import MAX_BYTES, PUBLIC, PUBLISHED

ROOT = Path(settings.BASE_DIR)
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
_LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def links(document: Path) -> Iterator[Path]:
    """Yield what the document refers to in this repository."""
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        if "://" not in target and not target.startswith("mailto:"):
            yield (document.parent / target).resolve()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    assert [str(target) for target in links(document) if not target.exists()] == []


def test_every_picture_is_taken_by_the_command_and_shown_somewhere() -> None:
    taken = {PUBLISHED / f"{name}.png" for names in PUBLIC.values() for name in names}
    shown = {target for document in DOCUMENTS for target in links(document) if target.suffix == ".png"}
    assert set(PUBLISHED.iterdir()) == taken == shown


def test_no_picture_is_large() -> None:
    assert [path.name for path in PUBLISHED.iterdir() if path.stat().st_size > MAX_BYTES] == []
