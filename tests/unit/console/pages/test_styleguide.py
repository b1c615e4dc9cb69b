"""The page that shows every component to developers."""

import re

import pytest
from django.conf import settings as configured

pytestmark = pytest.mark.django_db

PATH = "/styleguide/"


def test_exists_only_with_debug(page, settings):
    settings.DEBUG = False
    assert page.get(PATH).status_code == 404
    settings.DEBUG = True
    assert page.get(PATH).status_code == 200


def test_shows_every_class_of_the_stylesheets_parts(page, settings):
    """A component that the page lacks is one that nobody looks at."""
    settings.DEBUG = True
    text = page.get(PATH).content.decode()
    blocks = {
        "badge", "button", "chip", "copy", "count", "empty", "error-summary", "facts", "field", "filters", "notice",
        "page-head", "pagination", "panel", "progress", "search", "sort", "sparkline", "step", "switch", "table",
        "tabs", "tag", "tile", "toast", "toolbar", "words",
    }  # fmt: skip
    shown = {name for found in re.findall(r'class="([^"]+)"', text) for name in found.split()}
    assert blocks - shown == set()


def test_shows_every_icon(page, settings):
    settings.DEBUG = True
    text = page.get(PATH).content.decode()
    sprite = (configured.BASE_DIR / "static" / "icons.svg").read_text(encoding="utf-8")
    assert [name for name in re.findall(r'id="([a-z-]+)"', sprite) if f"#{name}" not in text] == []
