"""
Takes a picture of every page in light, dark, narrow and Chinese, into var/screenshots: `make screenshots`.

With PUBLISH=1 those of the README and the guides go into docs/images, too: smaller, and never of more than 100 kB.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser import png
from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.scenery import Place, Scenery, open_scenery

ROOT = Path(__file__).resolve().parents[2]
ALL = ROOT / "var" / "screenshots"
PUBLISHED = ROOT / "docs" / "images"
MAX_BYTES = 100_000
_HEIGHT = 960
_BOTTOM = """24 + Math.max(
    ...[...document.querySelectorAll("main > *, .sidebar > *")].map((part) => part.getBoundingClientRect().bottom)
)"""


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking at a page."""

    name: str
    width: int = 1280
    scheme: str = "light"
    language: str = "en"


_LIGHT = Look("light")
_DARK = Look("dark", scheme="dark")
LOOKS = (
    _LIGHT,
    _DARK,
    Look("narrow", width=390),
    Look("chinese", language="zh-CN"),
)
PUBLIC = {
    _LIGHT: (
        "connection",
        "credential-issue",
        "execution",
        "execution-failed",
        "logs",
        "namespaces",
        "overview",
        "replica",
        "rule-cross-tenant",
        "rule-matches",
        "rule-preview",
        "rules",
        "tags",
    ),
    _DARK: ("replication",),
}
"""The pages that the README and the guides show, and how."""


def take(scenery: Scenery, browser: Browser, *, only: Sequence[str] = ()) -> list[Path]:
    """Take the pictures of all pages, or of those named; return the files."""
    taken: list[Path] = []
    for look in LOOKS:
        for place, page in _visit(scenery, browser, look, only):
            path = ALL / look.name / f"{place.name}.png"
            page.evaluate("scrollTo(0, 0)")
            page.screenshot(path=path, full_page=True)
            taken.append(path)
    return taken


def publish(scenery: Scenery, browser: Browser) -> list[Path]:
    """Take the pictures of the documents, what fits a window of each page; return the files. None may be large."""
    taken: list[Path] = []
    PUBLISHED.mkdir(parents=True, exist_ok=True)
    for look, names in PUBLIC.items():
        for place, page in _visit(scenery, browser, look, names):
            path = PUBLISHED / f"{place.name}.png"
            page.set_viewport_size({"width": look.width, "height": _HEIGHT})
            bottom = page.evaluate(_BOTTOM)
            clip = {"x": 0, "y": 0, "width": look.width, "height": min(bottom, _HEIGHT)}
            path.write_bytes(png.shrink(page.screenshot(clip=clip)))  # type: ignore[arg-type]  # a plain dict will do
            assert path.stat().st_size <= MAX_BYTES, f"{path} has {path.stat().st_size} bytes"
            taken.append(path)
    return taken


def _visit(
    scenery: Scenery, browser: Browser, look: Look, only: Iterable[str]
) -> Iterator[tuple[Place, Page]]:
    """Yield the places, or those named, each shown on a page."""
    places = [place for place in scenery.places if not only or place.name in only]
    for user in dict.fromkeys(place.user for place in places):
        with _open_page(scenery, browser, look, user) as page:
            for place in places:
                if place.user == user:
                    place.open(page)
                    yield place, page


@contextmanager
def _open_page(scenery: Scenery, browser: Browser, look: Look, user: str) -> Iterator[Page]:
    context = browser.new_context(
        base_url=scenery.regatta.url,
        storage_state=scenery.sign_in(browser, user),
        color_scheme="dark" if look.scheme == "dark" else "light",
        viewport={"width": look.width, "height": 800},
        extra_http_headers={"Accept-Language": look.language},
        reduced_motion="reduce",
    )
    yield context.new_page()
    context.close()


def main() -> int:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help="pages; all if none is named")
    parser.add_argument("--publish", action="store_true", help="write docs/images anew as well")
    options = parser.parse_args()
    with open_scenery() as scenery, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        published = publish(scenery, browser) if options.publish else []
        taken = take(scenery, browser, only=options.names)
        browser.close()
    sys.stdout.write(f"{len(taken)} pictures in {ALL}, {len(published)} in {PUBLISHED}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
