"""A console with some of everything in it, and the list of its pages: to look at, and to check each of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from playwright.sync_api import Browser, Page, StorageState

from tests.fakes import images
from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta

PASSWORD = "correct-horse-7"
OWNER = "olivia"
STAFF = "operator"
VIEWER = "vera"

_SHOP = "tcr-shopshop"
_NORTH = "tcr-northern"
_FINISH = """
import json
from registries.models import *
from syncjobs.models import *
shop = Instance.objects.get(instance_id="tcr-shopshop")
for name in ("shop", "tools"):
    Namespace.objects.get_or_create(instance=shop, name=name, defaults={"is_public": name == "tools"})
print(json.dumps({
    "rules": {rule.name: rule.pk for rule in Rule.objects.all()},
    "executions": {run.rule.name: run.pk for run in Execution.objects.exclude(rule=None).order_by("id")},
    "replica": Replica.objects.get().replica_id,
    "user": User.objects.get(role="viewer", is_staff=False).pk,
    "credential": AccessCredential.objects.get().token_id,
    "key": getattr(ApiKey.objects.first(), "secret_id", ""),
}))
"""


@dataclass(frozen=True, slots=True)
class Place:
    """One page: a name for its picture, its path, who looks at it ("" for nobody), and what is done on it first."""

    name: str
    path: str
    user: str = OWNER
    prepare: Callable[[Page], None] | None = None

    def open(self, page: Page) -> int:
        """Show the place on the page, and return the status that it was answered with."""
        response = page.goto(self.path)
        assert response is not None, self
        if self.prepare:
            self.prepare(page)
        return response.status


@dataclass(frozen=True, slots=True)
class Scenery:
    """The installation and its pages."""

    regatta: Regatta
    places: tuple[Place, ...]

    def sign_in(self, browser: Browser, user: str) -> StorageState | None:
        """Return the cookies of the user, None for nobody."""
        if not user:
            return None
        context = browser.new_context(base_url=self.regatta.url)
        page = context.new_page()
        page.goto("/account/")
        page.get_by_label("Username").fill(user)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("/account/")
        state = context.storage_state()
        context.close()
        return state


@contextmanager
def open_scenery() -> Iterator[Scenery]:
    """Yield the scenery; it takes a quarter of a minute to build."""
    with ExitStack() as stack:
        source, target, far = (stack.enter_context(DockerRegistry()) for _place in range(3))
        _fill(source, target)
        regatta = stack.enter_context(Regatta())
        regatta.apply(_declaration(source.url, target.url, far.url), "--no-check")
        regatta.start_serve()
        regatta.trigger("storefront/releases")
        regatta.trigger("storefront/everything")
        regatta.manage("trigger_rule", "storefront/pinned", "--wait", "--timeout", "20", expect=None)
        regatta.manage("trigger_rule", "storefront/off-site", "--wait", "--timeout", "20", expect=None)
        ids = json.loads(regatta.manage("shell", "-v", "0", "-c", _FINISH).stdout.strip().splitlines()[-1])
        yield Scenery(regatta, tuple(_places(ids)))


def _fill(source: DockerRegistry, target: DockerRegistry) -> None:
    for tag in ("v1.8", "v1.9", "v1.10", "latest"):
        images.push(images.multi_platform(tag), source.url, "shop/web", tag)
        images.push(images.image(tag, layers=3), source.url, "shop/api", tag)
    images.push(images.helm_chart("chart"), source.url, "shop/chart", "1.4.0")
    images.push(images.image("ci"), source.url, "tools/ci", "nightly")
    images.push(images.image("another"), target.url, "mirror/api", "v1.9")


def _declaration(source: str, target: str, far: str) -> str:
    place = 'account: "100000000001"'
    return f"""
backends:
  - {{code: main, region: ap-shanghai, endpoint: "{far}", capacity: 20}}
accounts:
  - uin: "100000000001"
    name: Example
    users:
      - {{username: {OWNER}, password: {PASSWORD}, role: owner}}
      - {{username: {VIEWER}, password: {PASSWORD}, role: viewer,
         grants: [{{instance: storefront, permission: synchronize}}]}}
staff:
  - {{username: {STAFF}, password: {PASSWORD}}}
instances:
  - {{name: storefront, instance_id: {_SHOP}, {place}, edition: premium, region: ap-guangzhou, endpoint: "{source}"}}
  - {{name: northern, instance_id: {_NORTH}, {place}, edition: standard, region: ap-beijing, endpoint: "{target}"}}
  - {{name: off-site, {place}, edition: standard, region: eu-frankfurt, endpoint: "http://127.0.0.1:9"}}
credentials:
  - {{instance: northern, secret: "{PASSWORD}", description: "For the partner"}}
replicas:
  - {{primary: storefront, region: ap-shanghai}}
rules:
  - {{source: storefront, name: releases, namespace: shop, tag: "v*", target: northern, target_namespace: mirror}}
  - {{source: storefront, name: everything, namespace: shop, repository: "{{api,chart}}", target: northern,
     override: true, schedule: "0 3 * * *"}}
  - {{source: storefront, name: off-site, namespace: shop, repository: web, target: off-site}}
  - {{source: storefront, name: pinned, namespace: shop, repository: web, tag: "{{v1.8,v2.0}}", target: northern,
     target_namespace: pinned}}
  - {{source: storefront, name: switched-off, namespace: tools, target: northern, enabled: false}}
"""


def _press_button(page: Page) -> None:
    """Press the first button in the head of the page, and wait for the page that answers."""
    with page.expect_navigation():
        page.locator(".page-head form[method=post] button").first.click()


def _fill_rule(page: Page) -> None:
    """Begin a rule, and wait for what matches."""
    page.locator("[name=name]").fill("releases-to-beijing")
    page.locator("[name=namespace]").fill("shop")
    page.locator("[name=tag]").fill("v*")
    page.locator(".matches__list").wait_for()


def _fill_foreign_rule(page: Page) -> None:
    _fill_rule(page)
    page.locator("[name=is_cross_tenant]").check()
    page.locator("[name=target_instance_id]").fill("tcr-partner1")
    page.locator("[name=target_username]").fill("100000000002")
    page.locator("[name=override]").scroll_into_view_if_needed()


def _places(ids: dict) -> Iterator[Place]:
    instance = f"/instances/{_SHOP}"
    rule = f"/synchronization/rules/{ids['rules']['releases']}"
    replica = f"/replication/replicas/{ids['replica']}"
    paths = {
        "overview": "/",
        "instances": "/instances/",
        "instance-create": "/instances/new/",
        "instance": f"{instance}/",
        "instance-edit": f"{instance}/edit/",
        "instance-delete": f"{instance}/delete/",
        "namespaces": f"{instance}/namespaces/",
        "namespace-create": f"{instance}/namespaces/new/",
        "namespace-delete": f"{instance}/namespaces/shop/delete/",
        "credentials": f"/instances/{_NORTH}/credentials/",
        "credential-issue": f"/instances/{_NORTH}/credentials/new/",
        "credential-change": f"/instances/{_NORTH}/credentials/{ids['credential']}/change/",
        "credential-delete": f"/instances/{_NORTH}/credentials/{ids['credential']}/delete/",
        "repositories": f"{instance}/repositories/",
        "tags": f"{instance}/repositories/shop/web/",
        "rules": f"/synchronization/?instance={_SHOP}",
        "rule-create": f"/synchronization/instances/{_SHOP}/new/",
        "rule-configure": f"{rule}/configure/",
        "rule-delete": f"{rule}/delete/",
        "logs": f"{rule}/logs/",
        "execution": f"/executions/{ids['executions']['releases']}/",
        "execution-failed": f"/executions/{ids['executions']['pinned']}/",
        "execution-waiting": f"/executions/{ids['executions']['off-site']}/",
        "replication": f"/replication/?instance={_SHOP}",
        "replica-create": f"/replication/instances/{_SHOP}/new/",
        "replica": f"{replica}/",
        "replica-logs": f"{replica}/logs/",
        "replica-delete": f"{replica}/delete/",
        "account": "/account/",
        "password": "/account/password/",
        "preferences": "/preferences/",
        "keys": "/account/keys/",
        "tokens": "/account/tokens/",
        "token-create": "/account/tokens/new/",
        "users": "/account/users/",
        "user-invite": "/account/users/invite/",
        "user": f"/account/users/{ids['user']}/",
        "audit": "/audit/",
        "styleguide": "/styleguide/",
    }
    for name, path in paths.items():
        yield Place(name, path)
    yield from _places_of_staff()
    yield from _prepared_places(instance, rule)
    # With DEBUG, which the styleguide needs, it is the only error page that is ours; all share a template.
    yield Place("forbidden", "/account/users/", VIEWER)
    yield Place("sign-in", "/sign-in/", "")


def _prepared_places(instance: str, rule: str) -> Iterator[Place]:
    create = f"/synchronization/instances/{_SHOP}/new/"
    yield Place("connection", f"{instance}/connection/", prepare=_press_button)
    yield Place("rule-preview", f"{rule}/preview/", prepare=_press_button)
    yield Place("rule-matches", create, prepare=_fill_rule)
    yield Place("rule-cross-tenant", create, prepare=_fill_foreign_rule)


def _places_of_staff() -> Iterator[Place]:
    for name, path in {
        "regions": "/platform/regions/",
        "region-create": "/platform/regions/new/",
        "region-edit": "/platform/regions/ap-shanghai/edit/",
        "backends": "/platform/backends/",
        "backend-create": "/platform/backends/new/",
        "backend-edit": "/platform/backends/main/edit/",
        "backend-hook": "/platform/backends/main/hook/",
        "workers": "/platform/workers/",
    }.items():
        yield Place(name, path, STAFF)
