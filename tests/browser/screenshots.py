"""
Takes a picture of every page in light, dark, narrow and Chinese: `make screenshots`.

All go to var/screenshots/. The best four go into docs/images/ too, which the README shows.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.browser.conftest import ARGUMENTS, CHROMIUM
from tests.browser.scenery import Scenery, open_scenery

ROOT = Path(__file__).resolve().parents[2]
ALL = ROOT / "var" / "screenshots"
CHOSEN = ROOT / "docs" / "images"
README = {"overview": "light", "rules": "light", "execution": "light", "replication": "dark"}
"""The pages that the README shows, and how."""


@dataclass(frozen=True, slots=True)
class Look:
    """One way of looking at a page."""

    name: str
    width: int = 1280
    scheme: str = "light"
    language: str = "en"


LOOKS = (
    Look("light"),
    Look("dark", scheme="dark"),
    Look("narrow", width=390),
    Look("chinese", language="zh-CN"),
)


def take(scenery: Scenery, browser: Browser, *, only: Sequence[str] = ()) -> list[Path]:
    """Take the pictures of all pages, or of those named; return the files."""
    taken: list[Path] = []
    for user in dict.fromkeys(place.user for place in scenery.places):
        state = scenery.sign_in(browser, user)
        places = [
            place for place in scenery.places if place.user == user and (not only or place.name in only)
        ]
        for look in LOOKS:
            context = browser.new_context(
                base_url=scenery.regatta.url,
                storage_state=state,
                color_scheme="dark" if look.scheme == "dark" else "light",
                viewport={"width": look.width, "height": 800},
                extra_http_headers={"Accept-Language": look.language},
                reduced_motion="reduce",
            )
            page = context.new_page()
            for place in places:
                page.goto(place.path)
                path = ALL / look.name / f"{place.name}.png"
                page.screenshot(path=path, full_page=True)
                taken.append(path)
            context.close()
    return taken


def main() -> int:
    """Take the pictures and say where they are."""
    parser = argparse.ArgumentParser(prog="python -m tests.browser.screenshots", description=__doc__)
    parser.add_argument("names", nargs="*", help="pages; all if none is named")
    only = parser.parse_args().names
    with open_scenery() as scenery, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        taken = take(scenery, browser, only=only)
        browser.close()
    CHOSEN.mkdir(parents=True, exist_ok=True)
    for name, look in README.items():
        path = ALL / look / f"{name}.png"
        if path in taken:
            shutil.copyfile(path, CHOSEN / f"{name}.png")
    sys.stdout.write(f"{len(taken)} pictures in {ALL}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
