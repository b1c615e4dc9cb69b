"""What holds for every URL: strangers are refused, and objects of other tenants do not exist."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from registries.models import Instance
from tests import factories

pytestmark = pytest.mark.django_db

OPEN = {
    "session:sign_in",
    "session:accept_invitation",
    "session:choose_password",
    "health:healthz",
    "health:readyz",
    "health:metrics",
    "/admin/login/",
}
"""What strangers may see, by URL name or, without one, by path."""


def patterns(
    resolver: URLResolver | None = None, namespaces: tuple[str, ...] = (), prefix: str = "/"
) -> Iterator[tuple[str, str, URLPattern]]:
    """Yield the name, the route and the pattern of every URL outside Django admin's own."""
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield ":".join((*namespaces, entry.name)) if entry.name else route, route, entry
        elif entry.namespace != "admin":
            yield from patterns(entry, (*namespaces, *filter(None, [entry.namespace])), route)


ALL = list(patterns())
BY_SECRET = ("hooks:", "session:accept_invitation", "session:choose_password")
"""Faces that know no session: whoever brings no secret gets the same answer for every object."""

OF_ONE_USER = ("tokens:", "keys:")
"""What only the user sees whose it is."""

API_ANSWERS = {201, 202, 204, 400, 409, 415, 422, 502}
"""What a program may get besides that asks with an empty form: it is no JSON, or the registry is not there."""

FOR_STAFF = ("regions:", "backends:")
"""The platform's pages, which do not exist for any tenant."""

OBJECTS = [(name, route) for name, route, _ in ALL if "<" in route and not name.startswith(BY_SECRET)]


@pytest.fixture(autouse=True)
def quick_hashing(settings) -> None:
    """Hash passwords in microseconds; hashing is not what is tested."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def objects() -> dict[str, object]:
    """The captured parts of routes, for objects of one tenant."""
    rule = factories.make_rule()
    execution = factories.make_execution(rule=rule)
    account = rule.source.account
    grant = factories.make_grant(
        user=factories.make_user(account=account, role="viewer"), instance=rule.source
    )
    backend = factories.make_backend()
    return {
        "replica_id": factories.make_replica(primary=rule.source, backend=backend).replica_id,
        "region_code": backend.region.code,
        "backend_code": backend.code,
        "instance_id": rule.source.instance_id,
        "repository": "team/app",
        "api_token_id": "no-such-token",
        "secret_id": "no-such-key",
        "uin": account.uin,
        "name": factories.make_namespace(instance=rule.source).name,
        "rule_id": rule.pk,
        "execution_id": execution.pk,
        "user_id": grant.user_id,
        "grant_id": grant.pk,
        "invitation_id": factories.make_invitation(account=account).pk,
        "token": "no-such-token",
        "token_id": factories.make_access_credential(instance=rule.source).token_id,
    }


def path_of(name: str, route: str, objects: dict[str, object]) -> str:
    if ":" not in name:
        return route
    wanted = {key: value for key, value in objects.items() if f":{key}>" in route}
    return reverse(name, kwargs=wanted)


@pytest.mark.parametrize(
    ("name", "route"), [(name, route) for name, route, _ in ALL], ids=lambda value: value
)
@pytest.mark.parametrize("method", ["get", "post"])
def test_every_url_refuses_anonymous_users(objects, name, route, method):
    response = getattr(Client(), method)(path_of(name, route, objects))
    if name in OPEN:
        assert response.status_code in {200, 302, 404, 405, 503}
        return
    assert response.status_code in {302, 401, 403, 405}, response.status_code
    if response.status_code == 302:
        assert response.url.startswith("/sign-in/")


@pytest.mark.parametrize(("name", "route"), OBJECTS, ids=lambda value: value)
def test_every_object_page_is_404_to_another_tenant(objects, name, route):
    client = Client()
    client.force_login(factories.make_user(role="owner"))
    path = path_of(name, route, objects)
    answers = {client.get(path).status_code, client.post(path).status_code}
    assert answers <= {404, 405}
    assert 404 in answers


@pytest.mark.parametrize(
    ("name", "route"),
    [one for one in OBJECTS if not one[0].startswith((*FOR_STAFF, *OF_ONE_USER))],
    ids=lambda value: value,
)
def test_every_object_page_answers_its_own_tenant(objects, name, route):
    client = Client()
    account = Instance.objects.get(instance_id=objects["instance_id"]).account
    client.force_login(factories.make_user(account=account, role="owner"))
    path = path_of(name, route, objects)
    answers = {client.get(path).status_code, client.post(path).status_code}
    assert answers <= {200, 302, 405} | (API_ANSWERS if name.startswith("api:") else set())


def test_the_list_of_open_urls_holds_nothing_that_is_gone():
    assert {name for name, _route, _pattern in ALL} >= OPEN
