"""The way of a new user: invited by the owner, in with a password of their own, seen and ended again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import ACCOUNT_ID
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.browser

PASSWORD = "another-horse-8"


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def guest(running_console: Regatta, browser: Browser, has_javascript: bool) -> Iterator[Page]:
    """A page in a browser of somebody who is not signed in."""
    context = browser.new_context(base_url=running_console.url, java_script_enabled=has_javascript)
    yield context.new_page()
    context.close()


def invite(page: Page, username: str) -> str:
    """Invite somebody as an operator; return the path of the link."""
    page.goto("/account/users/")
    page.get_by_role("link", name="Invite").click()
    page.get_by_label("Username").fill(username)
    page.get_by_label("Role").select_option("operator")
    page.get_by_role("button", name="Create the link").click()
    expect(page.get_by_role("heading", name=f"{username} is invited")).to_be_visible()
    url = page.locator("#one-time-link").text_content() or ""
    return url[url.index("/invitations/") :]


def choose_password(page: Page) -> None:
    page.get_by_label("New password", exact=False).first.fill(PASSWORD)
    page.get_by_label("Repeat the new password").fill(PASSWORD)
    page.get_by_role("button", name="Set the password and sign in").click()


def test_an_invited_person_comes_in_and_the_link_is_spent(
    open_page: Callable[..., Page], guest: Page, has_javascript: bool
) -> None:
    username = f"guest-{'js' if has_javascript else 'plain'}"
    page = open_page(java_script_enabled=has_javascript)
    link = invite(page, username)

    guest.goto(link)
    expect(guest.get_by_text("You are invited to Example as Operator.")).to_be_visible()
    choose_password(guest)
    guest.wait_for_url("/")
    guest.goto("/account/")
    expect(guest.get_by_role("cell", name="This session")).to_be_visible()
    response = guest.goto(link)
    assert response is not None
    assert response.status == 404

    page.goto("/account/users/")
    page.get_by_role("link", name=username, exact=True).click()
    page.get_by_role("button", name="Disable").click()
    expect(page.get_by_text(f"User {username} is disabled.")).to_be_visible()
    guest.goto("/account/")
    assert guest.url.endswith("/sign-in/?next=/account/")

    page.get_by_role("button", name="Enable").click()
    page.get_by_role("button", name="Reset password").click()
    url = page.locator("#one-time-link").text_content() or ""
    guest.goto(url[url.index("/password-resets/") :])
    expect(guest.get_by_text(f"{username}@{ACCOUNT_ID}")).to_be_visible()
    choose_password(guest)
    guest.wait_for_url("/")


def test_the_pages_fit_a_narrow_screen(open_page: Callable[..., Page]) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    for url in ("/account/", "/account/password/", "/account/users/", "/account/users/invite/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, url
