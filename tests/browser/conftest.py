"""A real Chromium on a real console: `manage.py serve` with a worker, and two real registries."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, StorageState, sync_playwright

from tests.browser.ways import CHINESE, ENGLISH, PLAIN, Way
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

ACCOUNT_ID = "100000000001"
USERNAME = "olivia"
PASSWORD = "correct-horse-7"

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
_TIMEOUT_MILLISECONDS = 15_000


@pytest.fixture(scope="package")
def source() -> Iterator[DockerRegistry]:
    with DockerRegistry() as registry:
        yield registry


@pytest.fixture(scope="package")
def target() -> Iterator[DockerRegistry]:
    with DockerRegistry("htpasswd") as registry:
        yield registry


@pytest.fixture(scope="package")
def running_console() -> Iterator[Regatta]:
    """A console with a worker and one account, whose owner signs in as USERNAME with PASSWORD."""
    with Regatta() as installation:
        installation.apply(
            f"accounts: [{{uin: '{ACCOUNT_ID}', name: Example, users: "
            f"[{{username: {USERNAME}, password: {PASSWORD}, role: owner}}]}}]"
        )
        installation.start_serve()
        yield installation


@pytest.fixture(params=[ENGLISH, CHINESE, PLAIN], ids=["in English", "in Chinese", "without JavaScript"])
def way(request: pytest.FixtureRequest) -> Way:
    """The way in which a journey is taken."""
    chosen: Way = request.param
    return chosen


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def session(running_console: Regatta, browser: Browser) -> StorageState:
    """Sign in once; return the cookies."""
    context = browser.new_context(base_url=running_console.url)
    page = context.new_page()
    page.goto("/instances/")
    page.get_by_label("Username").fill(USERNAME)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("/instances/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def open_page(
    running_console: Regatta, browser: Browser, session: StorageState
) -> Iterator[Callable[..., Page]]:
    """
    Return a function that opens a page in a context of its own, signed in, with the options of a context.

    Afterwards no page may have had an error: no script failed, and nothing broke the Content-Security-Policy.
    """
    contexts: list[BrowserContext] = []
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(message.text)

    def opened(**options: object) -> Page:
        context = browser.new_context(
            base_url=running_console.url,
            storage_state=session,
            **options,  # type: ignore[arg-type]
        )
        context.set_default_timeout(_TIMEOUT_MILLISECONDS)
        contexts.append(context)
        page = context.new_page()
        page.on("console", note)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    yield opened
    for context in contexts:
        context.close()
    assert errors == []


@pytest.fixture
def page_of_way(open_page: Callable[..., Page], way: Way) -> Page:
    """A page of the owner, in the way's language, with or without JavaScript."""
    return open_page(locale=way.locale, java_script_enabled=way.has_javascript)
