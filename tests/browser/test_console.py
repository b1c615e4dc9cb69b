"""What JavaScript adds to the console. That nothing is missing without it is shown by the journeys."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import axe
from tests.browser.conftest import ACCOUNT_ID
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.browser

PAGES = ["/", "/instances/", "/instances/new/", "/synchronization/", "/preferences/", "/no-such-page"]


@pytest.fixture(scope="module")
def rules(running_console: Regatta) -> None:
    """Two instances nobody listens at, and two rules between them."""
    running_console.apply(
        f"""
instances:
  - {{name: north, account: "{ACCOUNT_ID}", edition: standard, region: ap-guangzhou, endpoint: "http://127.0.0.1:9"}}
  - {{name: south, account: "{ACCOUNT_ID}", edition: standard, region: ap-singapore, endpoint: "http://127.0.0.1:9"}}
rules:
  - {{source: north, name: first-rule, namespace: team, target: south}}
  - {{source: north, name: second-rule, namespace: other, target: south}}
""",
        "--no-check",
    )


@pytest.fixture
def page(rules: None, open_page: Callable[..., Page]) -> Page:
    return open_page()


def open_rules(page: Page) -> None:
    page.goto("/instances/")
    page.get_by_role("link", name="north", exact=True).click()
    page.get_by_role("main").get_by_role("link", name="Synchronization", exact=True).click()
    page.wait_for_url("/synchronization/*")


def row(page: Page, name: str):
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


class TestRulesTable:
    def test_switches_a_rule_without_leaving_the_page(self, page: Page) -> None:
        open_rules(page)
        page.evaluate("window.isSamePage = true")
        row(page, "first-rule").get_by_role("switch").click()
        expect(page.get_by_text("Rule first-rule is disabled.")).to_be_visible()
        expect(row(page, "first-rule").get_by_role("button", name="Trigger")).to_be_disabled()
        row(page, "first-rule").get_by_role("switch").click()
        expect(page.get_by_text("Rule first-rule is enabled.")).to_be_visible()
        assert page.evaluate("window.isSamePage") is True

    def test_keeps_the_focus_on_the_switch(self, page: Page) -> None:
        open_rules(page)
        row(page, "second-rule").get_by_role("switch").click()
        expect(page.get_by_text("Rule second-rule is disabled.")).to_be_visible()
        expect(row(page, "second-rule").get_by_role("switch")).to_be_focused()
        page.keyboard.press("Enter")
        expect(page.get_by_text("Rule second-rule is enabled.")).to_be_visible()

    def test_searches_while_one_types(self, page: Page) -> None:
        open_rules(page)
        page.keyboard.press("/")
        page.keyboard.type("second")
        expect(row(page, "first-rule")).to_have_count(0)
        expect(row(page, "second-rule")).to_be_visible()
        assert "q=second" in page.url

    def test_acts_on_all_rules_that_are_chosen(self, page: Page) -> None:
        axe.need()
        open_rules(page)
        everything = page.get_by_role("checkbox", name="Choose all rules of this page")
        everything.check()
        row(page, "first-rule").get_by_role("checkbox").uncheck()
        expect(everything).to_have_js_property("indeterminate", True)
        row(page, "first-rule").get_by_role("checkbox").check()
        expect(everything).to_be_checked()
        assert not axe.find_violations(page)
        table = page.locator("#rules-table .table-scroll")
        assert table.evaluate("part => part.scrollWidth - part.clientWidth") <= 0
        page.get_by_role("form", name="Chosen rules").get_by_role("button", name="Delete").click()
        expect(page.get_by_role("heading", name="Delete 2 rules?")).to_be_visible()
        assert not axe.find_violations(page)
        page.get_by_role("link", name="Cancel").click()
        expect(row(page, "first-rule")).to_be_visible()


class TestDeleteDialog:
    def test_deletes_only_after_the_name_was_typed(self, page: Page, running_console: Regatta) -> None:
        running_console.apply("rules: [{source: north, name: short-lived, namespace: x, target: south}]")
        open_rules(page)
        row(page, "short-lived").get_by_role("link", name="Delete").click()
        dialog = page.get_by_role("dialog")
        submit = dialog.get_by_role("button", name="Delete")
        expect(submit).to_be_disabled()
        dialog.get_by_role("textbox").fill("short")
        expect(submit).to_be_disabled()
        dialog.get_by_role("textbox").fill("short-lived")
        submit.click()
        expect(page.get_by_text("Rule short-lived is deleted.")).to_be_visible()
        expect(row(page, "short-lived")).to_have_count(0)

    def test_closes_without_doing_anything(self, page: Page) -> None:
        open_rules(page)
        row(page, "first-rule").get_by_role("link", name="Delete").click()
        page.get_by_role("dialog").get_by_role("link", name="Cancel").click()
        expect(page.get_by_role("dialog")).to_be_hidden()
        expect(row(page, "first-rule")).to_be_visible()


class TestRuleForm:
    def test_shows_the_fields_of_the_chosen_kind_of_target(self, page: Page) -> None:
        open_rules(page)
        page.get_by_role("link", name="Create").first.click()
        own = page.locator("[name=target]")
        foreign = page.locator("[name=target_password]")
        expect(own).to_be_visible()
        expect(foreign).to_be_hidden()
        page.get_by_role("checkbox", name="Cross-tenant sync").check()
        expect(own).to_be_hidden()
        expect(foreign).to_be_visible()

    def test_moves_the_focus_to_the_errors(self, page: Page) -> None:
        open_rules(page)
        page.get_by_role("link", name="Create").first.click()
        page.get_by_role("button", name="OK").click()
        expect(page.locator("#error-summary")).to_be_focused()
        page.locator("#error-summary").get_by_role("link", name="Name", exact=True).click()
        expect(page.locator("[name=name]")).to_be_focused()


class TestTheme:
    def test_follows_the_stored_choice(self, page: Page) -> None:
        page.goto("/preferences/")
        for choice, scheme in [("Dark", "dark"), ("Light", "light")]:
            page.get_by_label(choice, exact=True).check()
            page.get_by_role("button", name="Save").click()
            expect(page.get_by_text("Your preferences are saved.")).to_be_visible()
            expect(page.locator("html")).to_have_css("color-scheme", scheme)


class TestLayout:
    @pytest.mark.parametrize("width", [390, 1280])
    def test_never_scrolls_sideways(self, rules: None, open_page: Callable[..., Page], width: int) -> None:
        page = open_page(viewport={"width": width, "height": 844})
        for path in PAGES[:-1]:
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path

    def test_opens_the_sidebar_on_narrow_screens(self, rules: None, open_page: Callable[..., Page]) -> None:
        page = open_page(viewport={"width": 390, "height": 844})
        page.goto("/")
        link = page.get_by_role("navigation", name="Main").get_by_role("link", name="Instances")
        expect(link).to_be_hidden()
        page.get_by_role("button", name="Menu").click()
        link.click()
        expect(page.get_by_role("heading", name="Instances")).to_be_visible()

    def test_loads_nothing_from_elsewhere(self, page: Page, running_console: Regatta) -> None:
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        for path in PAGES[:-1]:
            page.goto(path)
        assert asked
        assert [url for url in asked if not url.startswith(running_console.url)] == []
