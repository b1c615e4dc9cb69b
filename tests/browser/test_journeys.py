"""The journeys of the seeds, as users take them: in English, in Chinese, and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import ACCOUNT_ID
from tests.browser.test_synchronization import choose
from tests.browser.ways import CHINESE, ENGLISH, Way
from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.servers.regatta import Regatta

pytestmark = pytest.mark.browser

PARTNER = "100000000002"
PASSWORD = "correct-horse-7"
HERE = "tcr-journey1"
FOREIGN = "tcr-journey3"
LOG_COLUMNS = (
    "Task ID",
    "Creation time",
    "Time spent",
    "Success rate",
    "Number of synced repositories",
    "Synchronization status",
)

_LOST = b'{"errors": [{"code": "BLOB_UNKNOWN", "message": "lost in a fire"}]}'

IN_BOTH_LANGUAGES = pytest.mark.parametrize("way", [ENGLISH, CHINESE], ids=["in English", "in Chinese"])


@dataclass(frozen=True)
class Stage:
    """Two registries of one account and one of another, all in memory."""

    regatta: Regatta
    source: FakeRegistry
    target: FakeRegistry
    foreign: FakeRegistry

    def declare_rule(self, name: str, namespace: str) -> None:
        """Write a rule from one instance to the other that copies the namespace into itself."""
        self.regatta.apply(
            f"rules: [{{source: journey-here, target: journey-there, "
            f"name: {name}, namespace: {namespace}, push: false}}]"
        )


@pytest.fixture(scope="module")
def stage(running_console: Regatta) -> Iterator[Stage]:
    with FakeRegistry() as source, FakeRegistry() as target, FakeRegistry() as foreign:
        for tag in ("v1.9", "v1.10", "latest"):
            images.push(images.image(tag), source, "shop/web", tag)
        images.push(images.image("api"), source, "shop/api", "v1.0")
        images.push(images.helm_chart("chart"), source, "shop/chart", "1.4.0")
        running_console.apply(
            f"""
accounts:
  - {{uin: "{PARTNER}", name: Partner, users: [{{username: paula, password: {PASSWORD}, role: owner}}]}}
instances:
  - {{name: journey-here, instance_id: {HERE}, account: "{ACCOUNT_ID}", edition: standard, region: ap-guangzhou,
      endpoint: "{source.url}"}}
  - {{name: journey-there, account: "{ACCOUNT_ID}", edition: standard, region: ap-singapore,
      endpoint: "{target.url}"}}
  - {{name: journey-abroad, instance_id: {FOREIGN}, account: "{PARTNER}", edition: standard, region: ap-guangzhou,
      endpoint: "{foreign.url}"}}
"""
        )
        yield Stage(running_console, source, target, foreign)


def field(page: Page, label: str) -> Locator:
    """Return the first input of this name; the target's fields come after the source's."""
    return page.get_by_role("textbox", name=label, exact=True).first


def row_of(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=name, exact=True))


def open_rules(page: Page) -> None:
    page.goto(f"/synchronization/?instance={HERE}")


def watch(page: Page, way: Way, status: str) -> None:
    """Wait until the execution on the page has come to this status."""
    way.wait_for(page, lambda: page.locator(f"h1 [data-status={status}]").count() == 1)


class TestRule:
    def test_is_created_configured_switched_triggered_read_and_deleted(
        self, page_of_way: Page, way: Way, stage: Stage
    ) -> None:
        page, say, name = page_of_way, way.say, f"journey-{way.name}"
        self._create(page, way, name)
        row = row_of(page, name)

        row.get_by_role("link", name=say("Configure")).click()
        page.get_by_label(say("Image Override")).check()
        page.get_by_role("button", name=say("OK")).click()
        expect(page.get_by_text(say("Rule %(name)s is saved.", name=name))).to_be_visible()
        expect(row.get_by_role("cell", name=say("Yes"), exact=True)).to_be_visible()

        trigger = row.get_by_role("button", name=say("Trigger", context="button"))
        row.get_by_role("switch").click()
        expect(page.get_by_text(say("Rule %(name)s is disabled.", name=name))).to_be_visible()
        expect(trigger).to_be_disabled()
        row.get_by_role("switch").click()
        expect(page.get_by_text(say("Rule %(name)s is enabled.", name=name))).to_be_visible()

        trigger.click()
        page.get_by_role("link", name=say("Watch it")).click()
        watch(page, way, "succeeded")
        assert stage.target.tags(f"copy-{way.name}/web").keys() == {"v1.9", "v1.10"}

        page.locator(".crumbs").get_by_role("link", name=name).click()
        heads = page.locator("#executions-table th").all_inner_texts()
        assert heads[:6] == [say(column) for column in LOG_COLUMNS]
        expect(page.locator("#executions-table tbody tr")).to_have_count(1)
        expect(page.locator("#executions-table [data-status=succeeded]")).to_be_visible()

        open_rules(page)
        row.get_by_role("link", name=say("Delete")).click()
        page.get_by_label(say("Type %(name)s to confirm", name=name)).fill(name)
        page.locator("dialog, main").get_by_role("button", name=say("Delete")).last.click()
        expect(page.get_by_text(say("Rule %(name)s is deleted.", name=name))).to_be_visible()
        expect(row).to_have_count(0)

    def _create(self, page: Page, way: Way, name: str) -> None:
        say = way.say
        open_rules(page)
        expect(page.get_by_role("combobox", name=say("Region"))).to_be_visible()
        page.get_by_role("link", name=say("Create"), exact=True).click()
        field(page, say("Name")).fill(name)
        field(page, say("Namespace")).fill("shop")
        field(page, say("Repository Name")).fill("web")
        matches = page.locator("#matches")
        if way.has_javascript:
            field(page, say("Tag")).fill("v{")
            expect(matches.get_by_role("link", name=say("Tag"))).to_be_visible()
        field(page, say("Tag")).fill("v*")
        if not way.has_javascript:
            page.get_by_role("button", name=say("Show what matches")).click()
            expect(field(page, say("Name"))).to_have_value(name)
        expect(matches).to_contain_text("v1.10 v1.9")
        expect(matches).to_contain_text("shop/web")
        expect(matches).not_to_contain_text("shop/api")

        choose(page, say("Target Instance"), "journey-there")
        page.get_by_role("textbox", name=say("Namespace"), exact=True).last.fill(f"copy-{way.name}")
        page.get_by_role("button", name=say("OK")).click()
        expect(page.get_by_text(say("Rule %(name)s is created.", name=name))).to_be_visible()


class TestLogs:
    def test_lead_to_the_tag_that_failed_and_retry_brings_it(
        self, page_of_way: Page, way: Way, stage: Stage
    ) -> None:
        page, say, name = page_of_way, way.say, f"faulty-{way.name}"
        broken = images.image(name)
        images.push(images.image("sound"), stage.source, f"{name}/app", "good")
        images.push(broken, stage.source, f"{name}/app", "bad")
        lost = f"/blobs/{next(iter(broken.blobs))}"
        stage.source.fault(Fault(method="GET", path=lost, status=404, body=_LOST, times=None))
        stage.declare_rule(name, name)

        open_rules(page)
        page.get_by_role("link", name=name, exact=True).click()
        page.get_by_role("button", name=say("Trigger", context="button")).click()
        newest = page.locator("#executions-table tbody tr").first
        way.wait_for(page, lambda: newest.locator("[data-status=failed]").count() == 1)
        newest.get_by_role("link").first.click()
        page.get_by_role("row").filter(has_text=f"{name}/app").first.locator("a.danger").click()
        tags = page.locator("#tags")
        expect(tags.get_by_role("row").filter(has_text=f"{name}/app:bad")).to_contain_text("lost in a fire")
        expect(tags.get_by_role("row").filter(has_text=f"{name}/app:good")).to_have_count(0)

        stage.source.faults.clear()
        page.get_by_role("button", name=say("Retry failed only")).click()
        watch(page, way, "succeeded")
        assert stage.target.tags(f"{name}/app").keys() == {"good", "bad"}


class TestStop:
    def test_ends_a_run_and_retry_goes_on_with_it(self, page_of_way: Page, way: Way, stage: Stage) -> None:
        page, say, name = page_of_way, way.say, f"stopped-{way.name}"
        image, gate = images.image(name), Gate()
        images.push(image, stage.source, f"{name}/app", "v1")
        held = f"/blobs/{next(iter(image.blobs))}"
        stage.source.fault(Fault(method="GET", path=held, gate=gate, times=None))
        stage.declare_rule(name, name)
        try:
            open_rules(page)
            row = row_of(page, name)
            row.get_by_role("button", name=say("Trigger", context="button")).click()
            page.get_by_role("link", name=say("Watch it")).click()
            gate.wait_until_reached(timeout_seconds=30)
            watch(page, way, "running")
            page.get_by_role("button", name=say("Stop"), exact=True).click()
            watch(page, way, "stopped")
        finally:
            gate.open()
        page.get_by_role("button", name=say("Retry")).click()
        watch(page, way, "succeeded")


class TestCrossTenantRule:
    @IN_BOTH_LANGUAGES
    def test_goes_with_the_credential_that_the_partner_issued(
        self, open_page: Callable[..., Page], browser: Browser, way: Way, stage: Stage
    ) -> None:
        say, name = way.say, f"abroad-{way.name}"
        guest = browser.new_context(base_url=stage.regatta.url, locale=way.locale).new_page()
        username, password = self._issue(guest, way)
        guest.context.close()

        page = open_page(locale=way.locale)
        open_rules(page)
        page.get_by_role("link", name=say("Create"), exact=True).click()
        field(page, say("Name")).fill(name)
        field(page, say("Namespace")).fill("shop")
        page.get_by_role("checkbox", name=say("Cross-tenant sync")).check()
        page.get_by_role("textbox", name=say("Target Instance")).fill(FOREIGN)
        page.get_by_role("textbox", name=say("Namespace"), exact=True).last.fill(way.name)
        field(page, say("Username")).fill(f"tcr${username}")
        page.get_by_label(say("Password")).fill(password)
        page.get_by_role("button", name=say("OK")).click()
        refusal = say(
            "A service-level account cannot be used here. Enter a user-level account of the instance."
        )
        expect(page.locator("#error-summary")).to_contain_text(refusal)

        field(page, say("Username")).fill(username)
        page.get_by_label(say("Password")).fill(password)
        page.get_by_role("button", name=say("OK")).click()
        row = row_of(page, name)
        row.get_by_role("button", name=say("Trigger", context="button")).click()
        page.get_by_role("link", name=say("Watch it")).click()
        watch(page, way, "succeeded")
        assert stage.foreign.tags(f"{way.name}/web").keys() == {"v1.9", "v1.10", "latest"}

    def _issue(self, page: Page, way: Way) -> tuple[str, str]:
        """Sign in as the partner and issue a credential; return its username and password."""
        say = way.say
        page.goto(f"/instances/{FOREIGN}/credentials/")
        page.get_by_label(say("Username")).fill("paula")
        page.get_by_label(say("Password")).fill(PASSWORD)
        page.get_by_role("button", name=say("Sign in")).click()
        page.get_by_role("link", name=say("Issue"), exact=True).click()
        page.get_by_role("button", name=say("Issue")).click()
        facts = page.locator("dl.facts code").all_inner_texts()
        assert facts[0] == FOREIGN
        return facts[1], facts[2]


class TestBrowser:
    @IN_BOTH_LANGUAGES
    def test_shows_repositories_and_their_tags(
        self, open_page: Callable[..., Page], way: Way, stage: Stage
    ) -> None:
        say, page = way.say, open_page(locale=way.locale)
        page.goto(f"/instances/{HERE}/")
        page.get_by_role("main").get_by_role("link", name=say("Repositories")).click()
        page.get_by_role("searchbox").fill("SHOP/")
        page.get_by_role("button", name=say("Search")).click()
        names = page.locator("#repositories-table tbody a")
        assert names.all_inner_texts() == ["shop/api", "shop/chart", "shop/web"]

        names.filter(has_text="shop/web").click()
        tags = page.locator("#tags-table tbody tr")
        assert tags.locator(".strong").all_inner_texts() == ["v1.10", "v1.9", "latest"]
        expect(tags.first).to_contain_text(say("Container image"))
        tags.first.get_by_text(say("Commands")).click()
        expect(tags.first).to_contain_text(re.compile(r"docker pull \S+/shop/web:v1\.10"))


class TestNamespace:
    @IN_BOTH_LANGUAGES
    def test_is_created_and_deleted(self, open_page: Callable[..., Page], way: Way, stage: Stage) -> None:
        say, page, name = way.say, open_page(locale=way.locale), f"kept-{way.name}"
        page.goto(f"/instances/{HERE}/")
        page.get_by_role("main").get_by_role("link", name=say("Namespaces")).click()
        page.get_by_role("link", name=re.compile(say("Create"))).first.click()
        field(page, say("Name")).fill(name)
        page.get_by_role("button", name=say("OK")).click()
        row = page.get_by_role("row").filter(has_text=name)
        row.get_by_role("button", name=say("Make public")).click()
        expect(page.get_by_text(say("Namespace %(name)s is public.", name=name))).to_be_visible()
        row.get_by_role("link", name=say("Delete")).click()
        page.get_by_label(say("Type %(name)s to confirm", name=name)).fill(name)
        page.get_by_role("dialog").get_by_role("button", name=say("Delete")).click()
        expect(page.get_by_text(say("Namespace %(name)s is deleted.", name=name))).to_be_visible()
        expect(row).to_have_count(0)
