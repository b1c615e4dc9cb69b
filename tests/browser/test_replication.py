"""The way of a replica: created in the console, Running, compared, and deleted again."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import ACCOUNT_ID
from tests.fakes import images
from tests.fakes.pushing import push
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

pytestmark = [pytest.mark.browser, pytest.mark.real_registry]

_PATIENCE_SECONDS = 60


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


@pytest.fixture(params=[True, False], ids=["with JavaScript", "without JavaScript"])
def has_javascript(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def wait_for(page: Page, has_javascript: bool, is_there: Callable[[], bool]) -> None:
    """Wait until the page shows it by itself; without JavaScript, reload it."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while not is_there():
        assert time.monotonic() < deadline, page.locator("main").inner_text()
        page.wait_for_timeout(500)
        if not has_javascript:
            page.reload()


def test_a_replica_comes_runs_and_goes(
    open_page: Callable[..., Page], backends: dict[str, DockerRegistry], has_javascript: bool
) -> None:
    region = "ap-shanghai" if has_javascript else "ap-beijing"
    page = open_page(java_script_enabled=has_javascript)
    page.goto("/instances/tcr-repl0001/")
    address = page.locator("dt:has-text('Push address') + dd code").inner_text()
    prefix = address.partition("/")[2]
    push(images.image("one"), backends["home"].url, f"{prefix}/project/app", "v1")

    page.goto("/replication/?instance=tcr-repl0001")
    page.locator(".toolbar, .empty").get_by_role("link", name=re.compile("Create")).first.click()
    expect(page.get_by_text("Primary Instance Name")).to_be_visible()
    page.get_by_label("Replicate to").select_option(region)
    page.get_by_role("button", name="OK").click()
    page.wait_for_url("**/replication/?instance=tcr-repl0001")
    row = page.locator("#replicas-table tbody tr").filter(has_text=region)
    expect(row).to_have_count(1)
    wait_for(page, has_javascript, lambda: row.locator("[data-status=Running]").count() == 1)

    row.get_by_role("link", name="hosted-primary").click()
    for task in ("SyncDBTask", "CreateTcrCrdTask", "BackfillTask"):
        expect(page.get_by_role("cell", name=task)).to_be_visible()
    replica_id = page.url.rstrip("/").rpartition("/")[2]
    page.get_by_role("button", name="Check drift").click()
    result = page.get_by_role("region", name="Drift reports").locator("[data-status=succeeded]")
    wait_for(page, has_javascript, lambda: result.count() == 1)

    page.get_by_role("link", name="Delete").click()
    page.get_by_label(f"Type {replica_id} to confirm").fill(replica_id)
    page.get_by_role("button", name="Delete").click()
    page.wait_for_url("**/replication/?instance=tcr-repl0001")
    wait_for(page, has_javascript, lambda: row.count() == 0)


def test_the_pages_fit_a_narrow_screen(
    open_page: Callable[..., Page], backends: dict[str, DockerRegistry]
) -> None:
    page = open_page(viewport={"width": 390, "height": 844})
    for url in ("/replication/?instance=tcr-repl0001", "/replication/instances/tcr-repl0001/new/", "/"):
        page.goto(url)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, url
