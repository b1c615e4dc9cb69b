"""Whatever is sent to a page, it answers; it never breaks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from console.pages import audit
from console.shared import execution_log
from registries.services import hooks
from tests.architecture.urls import patterns
from tests.architecture.world import World
from tests.fuzzing import junk

pytestmark = pytest.mark.django_db

ROOT = Path(__file__).resolve().parents[2]
# The REST API is asked by tests/contract/test_rest_api.py.
URLS = [(name, route) for name, route in patterns() if not route.startswith(("/admin/", "/api/"))]
QUERIES = [
    "page",
    "tags_page",
    "q",
    "sort",
    "state",
    "status",
    "trigger",
    "tags",
    "repository",
    "region",
    "instance",
    "since",
    "until",
    "verb",
    "actor",
    "object",
    "before",
    "after",
    "next",
    "invited",
    "attachments",
]
"""Everything that pages read from the query of a URL; `test_every_parameter_is_fuzzed` looks after the list."""


@pytest.fixture
def world(settings) -> World:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return World()


@pytest.fixture
def client(world: World) -> Client:
    client = Client()
    user = world.users["owner"]
    assert user
    client.force_login(user)
    return client


def path_of(world: World, name: str, route: str) -> str:
    return reverse(name, kwargs=world.path_arguments(name, route))


def is_answered(response: Any) -> bool:
    """Read the answer to its end, and tell whether it is one of those that are meant."""
    if response.streaming:
        b"".join(response.streaming_content)
    return response.status_code in {200, 202, 302, 400, 401, 403, 404, 405, 413, 429}


@pytest.mark.parametrize(("name", "route"), URLS, ids=lambda value: value)
def test_a_page_takes_any_form(world, client, name, route):
    path = path_of(world, name, route)
    valid = {key: str(value) for key, value in world.data(name).items()}
    fields = [*valid, "next", "name", "csrfmiddlewaretoken", "nothing-of-ours"]
    cookies = client.cookies.output()

    @junk.PROFILE
    @given(junk.data(fields, valid, junk.sendable))
    def attempt(data: dict[str, str]) -> None:
        with transaction.atomic():
            assert is_answered(client.post(path, data | {"skip_check": "on"}))
            transaction.set_rollback(True)
        client.cookies.load(cookies.replace("Set-Cookie: ", ""))

    attempt()


@pytest.mark.parametrize(("name", "route"), URLS, ids=lambda value: value)
def test_a_page_takes_any_query(world, client, name, route):
    path = path_of(world, name, route)

    @junk.PROFILE
    @given(
        st.dictionaries(st.sampled_from(QUERIES), junk.sendable, max_size=6),
        st.sampled_from(
            [{}, {"HX-Request": "true", "HX-Target": "x"}, {"HX-Request": "true", "HX-Target": "\x7f"}]
        ),
    )
    def attempt(query: dict[str, str], headers: dict[str, str]) -> None:
        with transaction.atomic():
            assert is_answered(client.get(f"{path}?{urlencode(query)}", headers=headers))
            transaction.set_rollback(True)

    attempt()


@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
)
@pytest.mark.parametrize("name", ["instances:create", "session:sign_in"])
def test_a_page_takes_any_body(world, client, name, content_type):
    @junk.PROFILE
    @given(st.binary(max_size=200), st.sampled_from([b"", b"--x\r\n", b"a=%ff&b=%", b"\x00"]))
    def attempt(body: bytes, start: bytes) -> None:
        with transaction.atomic():
            assert is_answered(client.generic("POST", reverse(name), start + body, content_type=content_type))
            transaction.set_rollback(True)

    attempt()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), junk.texts),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(junk.texts, inner, max_size=3),
    max_leaves=8,
)
events = st.fixed_dictionaries(
    {},
    optional={
        "id": json_values,
        "action": st.one_of(st.sampled_from(["push", "delete", "pull"]), json_values),
        "target": st.one_of(
            st.fixed_dictionaries({}, optional=dict.fromkeys(["repository", "tag", "digest"], json_values)),
            json_values,
        ),
    },
)
notifications = st.one_of(
    json_values,
    st.fixed_dictionaries({"events": st.lists(st.one_of(events, json_values), max_size=3)}),
    st.fixed_dictionaries({"type": st.sampled_from(["PUSH_ARTIFACT", "x"]), "event_data": json_values}),
)


def test_the_hook_takes_any_notification(world):
    with transaction.atomic():
        secret = hooks.get_or_create_secret(holder=world.source, by=None, now=world.rule.created_at)
    path = reverse("hooks:registry", args=[world.source.instance_id])
    sender = Client()

    @junk.PROFILE
    @given(st.one_of(st.binary(max_size=100), notifications.map(lambda value: json.dumps(value).encode())))
    def attempt(body: bytes) -> None:
        with transaction.atomic():
            response = sender.generic("POST", path, body, headers={"Authorization": secret})
            assert is_answered(response)
            assert response.status_code != 401
            transaction.set_rollback(True)

    attempt()


def test_every_parameter_is_fuzzed():
    """What pages read from the query is named in plain text there, or is a field of a filter."""
    read = {"page", *audit.FilterForm().fields, *execution_log.FilterForm().fields}
    for path in (ROOT / "console").rglob("*.py"):
        source = path.read_text()
        read |= set(re.findall(r"""GET\.get(?:list)?\(\s*"(\w+)\"""", source))
        read |= set(re.findall(r"""(?:parameter=|_position\(request, )"(\w+)\"""", source))
    assert read <= set(QUERIES)


@pytest.mark.parametrize(
    "path",
    [
        f"/instances/{'x' * 5000}/",
        f"/executions/{'9' * 30}/",
        f"/executions/{'9' * 5000}/",
        f"/synchronization/rules/{'9' * 30}/logs/",
        "/instances/%00/",
        "/instances/%ff/",
        "/%0d%0aX: y/",
    ],
)
def test_a_path_that_nobody_would_type_is_answered(client, path):
    assert client.get(path).status_code in {400, 404}
