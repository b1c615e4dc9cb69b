"""The main journey, as a user takes it: connect two registries, create a rule, trigger it, watch it succeed."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.fakes import images
from tests.servers.docker_registry import DockerRegistry

pytestmark = [pytest.mark.browser, pytest.mark.real_registry]

_RUN_MILLISECONDS = 60_000


def connect(page: Page, name: str, registry: DockerRegistry) -> None:
    """Create an instance for the registry; the console tries the connection before it saves."""
    page.goto("/instances/")
    page.get_by_role("link", name="Create").first.click()
    page.get_by_role("textbox", name="Name", exact=True).fill(name)
    page.get_by_label("Region").select_option("ap-guangzhou")
    page.get_by_label("Endpoint").fill(registry.url)
    if registry.credentials:
        username, password = registry.credentials
        page.get_by_label("Username").fill(username)
        page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="OK").click()
    expect(page.get_by_role("heading", name=name)).to_be_visible()


def choose(page: Page, label: str, beginning: str) -> None:
    """Select the option whose text begins so."""
    field = page.get_by_role("combobox", name=label, exact=True)
    texts = field.locator("option").all_text_contents()
    field.select_option(label=next(text for text in texts if text.startswith(beginning)))


class TestFirstSynchronization:
    def test_goes_from_two_registries_to_a_copied_image(
        self, open_page: Callable[..., Page], source: DockerRegistry, target: DockerRegistry
    ) -> None:
        for number in range(3):
            for tag in ("v1.0", "v1.1"):
                images.push(images.image(f"{number}-{tag}", layers=2), source.url, f"team/app{number}", tag)
        page = open_page()
        connect(page, "journey-source", source)
        connect(page, "journey-target", target)

        page.get_by_role("link", name="Synchronization", exact=True).first.click()
        choose(page, "Instance", "journey-source")
        page.get_by_role("link", name="Create").first.click()
        page.get_by_role("textbox", name="Name", exact=True).fill("everything")
        page.get_by_role("textbox", name="Namespace", exact=True).first.fill("team")
        choose(page, "Target Instance", "journey-target")
        page.get_by_role("button", name="OK").click()
        expect(page.get_by_text("Rule everything is created.")).to_be_visible()

        page.get_by_role("row").get_by_role("button", name="Trigger").click()
        page.get_by_role("link", name="Watch it").click()
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_contain_text("Succeeded", timeout=_RUN_MILLISECONDS)

        expect(page.get_by_text("3 of 3 repositories finished")).to_be_visible()
        expect(page.get_by_text("6 copied")).to_be_visible()
        expect(page.locator("#execution-progress")).not_to_have_attribute("data-poll", "")
        expect(page.get_by_role("row").filter(has_text="team/app2").first).to_contain_text("Succeeded")
        answer = httpx.get(f"{target.url}/v2/team/app2/tags/list", auth=target.credentials, trust_env=False)
        assert sorted(answer.json()["tags"]) == ["v1.0", "v1.1"]

        page.get_by_role("link", name="everything").click()
        expect(page.get_by_role("row").filter(has_text="Manual")).to_have_text(
            re.compile(r"100.%\s+3\s+Succeeded")
        )
