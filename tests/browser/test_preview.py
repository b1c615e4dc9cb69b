"""The preview of a rule in a real browser, without JavaScript: below its form, and from its row."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_synchronization import choose, connect
from tests.fakes import images
from tests.servers.docker_registry import DockerRegistry

pytestmark = [pytest.mark.browser, pytest.mark.real_registry]


class TestPreviewWithoutJavaScript:
    def test_tells_before_saving_and_later_what_a_run_would_do(
        self, open_page: Callable[..., Page], source: DockerRegistry, target: DockerRegistry
    ) -> None:
        for tag in ("v1.9", "v1.10"):
            images.push(images.image(tag, layers=1), source.url, "looked/app", tag)
        images.push(images.image("older"), target.url, "looked/app", "v1.9", auth=target.credentials)
        page = open_page(java_script_enabled=False)
        connect(page, "preview-source", source)
        connect(page, "preview-target", target)

        page.goto("/synchronization/")
        choose(page, "Instance", "preview-source")
        page.get_by_role("button", name="Show").click()
        page.get_by_role("link", name="Create").first.click()
        page.get_by_role("textbox", name="Name", exact=True).fill("looked-at")
        page.get_by_role("textbox", name="Namespace", exact=True).first.fill("looked")
        choose(page, "Target Instance", "preview-target")
        page.get_by_role("button", name="Preview").click()

        expect(page.get_by_role("heading", name="What a run would do now")).to_be_visible()
        rows = page.get_by_role("row")
        expect(rows.nth(1)).to_contain_text("looked/app:v1.9")
        expect(rows.nth(1)).to_contain_text("Kept")
        expect(rows.nth(2)).to_contain_text("looked/app:v1.10")
        expect(rows.nth(2)).to_contain_text("New")
        expect(page.get_by_role("textbox", name="Name", exact=True)).to_have_value("looked-at")

        page.get_by_label("Image Override").check()
        page.get_by_role("button", name="Preview").click()
        expect(rows.nth(1)).to_contain_text("Replaced")

        page.get_by_role("button", name="OK").click()
        row = rows.filter(has_text="looked-at")
        row.get_by_role("button", name="Preview").click()
        expect(page.get_by_role("heading", name="Preview", exact=True)).to_be_visible()
        expect(page.get_by_text("Tags to copy")).to_be_visible()
        expect(rows.nth(1)).to_contain_text("Replaced")

        tags = httpx.get(f"{target.url}/v2/looked/app/tags/list", auth=target.credentials, trust_env=False)
        assert tags.json()["tags"] == ["v1.9"]
