"""axe-core finds nothing on any page: in light and, for the contrast, in dark; and no page was forgotten."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.urls import resolve
from playwright.sync_api import Browser, BrowserContext

from tests.architecture.urls import patterns
from tests.browser import axe
from tests.browser.scenery import Scenery, open_scenery

pytestmark = [pytest.mark.browser, pytest.mark.real_registry]

_WIDTHS = {"light": 1280, "dark": 1280, "narrow": 390}

NO_PAGES = (
    "admin:", "/admin/", "/static/", "api:", "cloud:", "health:", "hooks:",
    "session:accept_invitation", "session:choose_password", "executions:export", "replicas:export", "audit:export",
)  # fmt: skip
"""URLs that show nothing of ours to somebody who is signed in: programs, files, Django's own pages, links by mail."""

ACTS = (
    "session:sign_out", "end_session", "end_other_sessions", ":enable", ":disable", ":trigger", ":stop", ":retry",
    ":reset_password", ":give_grant", ":remove_grant", ":delete_invitation", ":check", ":check_drift", ":repair",
    ":publish", ":unpublish", ":bulk", ":rotate_hook", "keys:create", "keys:delete", "tokens:revoke",
)  # fmt: skip
"""URLs that only take a form."""


@pytest.fixture(scope="module")
def scenery() -> Iterator[Scenery]:
    axe.need()
    with open_scenery() as built:
        yield built


@pytest.fixture(scope="module")
def contexts(scenery: Scenery, browser: Browser) -> Iterator[dict[tuple[str, str], BrowserContext]]:
    """A context for everybody who looks, in every way of looking."""
    made = {}
    for user in {place.user for place in scenery.places}:
        state = scenery.sign_in(browser, user)
        for way, width in _WIDTHS.items():
            made[user, way] = browser.new_context(
                base_url=scenery.regatta.url,
                storage_state=state,
                color_scheme="dark" if way == "dark" else "light",
                viewport={"width": width, "height": 900},
                reduced_motion="reduce",
            )
    yield made
    for context in made.values():
        context.close()


@pytest.mark.parametrize("way", _WIDTHS)
def test_no_page_has_a_violation(
    scenery: Scenery, contexts: dict[tuple[str, str], BrowserContext], way: str
) -> None:
    problems = []
    for place in scenery.places:
        page = contexts[place.user, way].new_page()
        assert place.open(page) == (403 if place.name == "forbidden" else 200), place
        if violations := axe.find_violations(page):
            problems.append(f"{place.name} ({place.path}):\n{axe.describe(violations)}")
        assert page.evaluate("document.documentElement.scrollWidth") <= _WIDTHS[way], place
        page.close()
    assert not problems, "\n\n".join(problems)


def test_no_page_is_forgotten(scenery: Scenery) -> None:
    """A new page has to be added to the scenery."""
    paths = [place.path.partition("?")[0] for place in scenery.places]
    looked_at = {resolve(path).view_name for path in paths}
    wanted = {
        name for name, _route in patterns() if not name.startswith(NO_PAGES) and not name.endswith(ACTS)
    }
    assert wanted - looked_at == set()
