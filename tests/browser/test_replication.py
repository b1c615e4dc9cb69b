"""The way of a replica: created in the console, Running, compared, and deleted again."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ACCOUNT_ID
from tests.browser.ways import Way
from tests.fakes import images
from tests.fakes.pushing import push
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

pytestmark = [pytest.mark.browser, pytest.mark.real_registry]


@pytest.fixture(scope="module")
def backends(running_console: Regatta) -> Iterator[dict[str, DockerRegistry]]:
    """Three real registries in three regions, and a hosted premium instance with one image."""
    with DockerRegistry() as home, DockerRegistry() as shanghai, DockerRegistry() as beijing:
        running_console.apply(
            f"""
            backends:
              - {{code: gz, region: ap-guangzhou, endpoint: "{home.url}"}}
              - {{code: sh, region: ap-shanghai, endpoint: "{shanghai.url}"}}
              - {{code: bj, region: ap-beijing, endpoint: "{beijing.url}"}}
            instances:
              - {{name: hosted-primary, account: "{ACCOUNT_ID}", region: ap-guangzhou, kind: hosted,
                  edition: premium, instance_id: tcr-repl0001}}
            """
        )
        yield {"home": home, "ap-shanghai": shanghai, "ap-beijing": beijing}


def test_a_replica_comes_runs_and_goes(
    page_of_way: Page, backends: dict[str, DockerRegistry], way: Way
) -> None:
    say, page = way.say, page_of_way
    region = "ap-beijing" if way.language == "en" else "ap-shanghai"
    page.goto("/instances/tcr-repl0001/")
    address = page.locator(f"dt:has-text('{say('Push address')}') + dd code").inner_text()
    prefix = address.partition("/")[2]
    push(images.image("one"), backends["home"].url, f"{prefix}/project/app", "v1")

    page.goto("/replication/?instance=tcr-repl0001")
    page.locator(".toolbar, .empty").get_by_role("link", name=re.compile(say("Create"))).first.click()
    expect(page.get_by_text(say("Primary Instance Name"))).to_be_visible()
    expect(page.get_by_text(say("Default Region"))).to_be_visible()
    page.get_by_label(say("Replicate to")).select_option(region)
    page.get_by_role("button", name=say("OK")).click()
    page.wait_for_url("**/replication/?instance=tcr-repl0001")
    row = page.locator("#replicas-table tbody tr").filter(has_text=region)
    expect(row).to_have_count(1)
    way.wait_for(page, lambda: row.locator("[data-status=Running]").count() == 1)

    row.get_by_role("link", name="hosted-primary").click()
    for task in ("SyncDBTask", "CreateTcrCrdTask", "BackfillTask"):
        expect(page.get_by_role("cell", name=task)).to_be_visible()
    replica_id = page.url.rstrip("/").rpartition("/")[2]
    page.get_by_role("button", name=say("Check drift")).click()
    result = page.get_by_role("region", name=say("Drift reports")).locator("[data-status=succeeded]")
    way.wait_for(page, lambda: result.count() == 1)

    page.get_by_role("link", name=say("Delete")).click()
    page.get_by_label(say("Type %(name)s to confirm", name=replica_id)).fill(replica_id)
    page.get_by_role("button", name=say("Delete")).click()
    page.wait_for_url("**/replication/?instance=tcr-repl0001")
    way.wait_for(page, lambda: row.count() == 0)


def test_the_pages_fit_a_narrow_screen(
    open_page: Callable[..., Page], backends: dict[str, DockerRegistry]
) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    for url in ("/replication/?instance=tcr-repl0001", "/replication/instances/tcr-repl0001/new/", "/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, url
