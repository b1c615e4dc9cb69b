"""Every URL of every face is asked as everybody, and answers as the written table says."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.messages import ERROR, get_messages
from django.db import transaction
from django.test import Client
from django.urls import reverse

from registries.models import AuditEvent
from tests.architecture import permissions
from tests.architecture.urls import PERSONAS, patterns
from tests.architecture.world import World

pytestmark = pytest.mark.django_db

URLS = list(patterns())
TABLE = permissions.read_table()

_FORM = "application/x-www-form-urlencoded"
_JSON = "application/json"

UNAUDITED = {
    "session:sign_in": "signed-in users are sent on",
    "account:preferences": "how pages look to oneself",
    "instances:connection": "tries a connection out; all it changes is the health that pages show",
    "rules:preview": "asks both registries and changes nothing",
    "backends:check": "tries a connection out; all it changes is the health that pages show",
    "api:test_connection": "tries a connection out; all it changes is the health that pages show",
    "api:preview_*": "asks both registries and changes nothing",
    "admin:index": "answers like a GET",
    "admin:app_list": "answers like a GET",
    "admin:*_changelist": "answers like a GET",
    "admin:*_history": "answers like a GET",
    "/admin/*/<path:object_id>/": "leads to the row",
}
"""POSTs that are answered and are no act on anything that others rely on, and why; `*` as in the table."""


@dataclass(frozen=True)
class Answer:
    """What a request met with: a word of the table, or a status; and whether it left an audit event."""

    word: str
    is_audited: bool


@pytest.fixture
def world(settings) -> World:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.METRICS_TOKEN = "of-the-monitoring"
    return World()


@pytest.fixture
def ask(world: World):
    """Return a function that sends a request and then undoes what it did."""
    sessions: dict[str, str] = {}
    for persona, user in world.users.items():
        client = Client()
        if user:
            client.force_login(user)
            sessions[persona] = client.cookies[settings.SESSION_COOKIE_NAME].value

    def send(persona: str, method: str, name: str, route: str) -> Answer:
        client = Client(raise_request_exception=True)
        if persona in sessions:
            client.cookies[settings.SESSION_COOKIE_NAME] = sessions[persona]
        arguments = world.path_arguments(name, route)
        path = _fill(route, arguments) if name == route else reverse(name, kwargs=arguments)
        with transaction.atomic():
            path += world.query(name) if method == "GET" else ""
            before = AuditEvent.objects.count()
            data = world.data(name, persona) if method != "GET" else {}
            is_json = name.startswith("api:")
            body = json.dumps(data) if is_json else urlencode(data)
            response = client.generic(method, path, body, content_type=_JSON if is_json else _FORM)
            answer = Answer(_word(response), AuditEvent.objects.count() > before)
            transaction.set_rollback(True)
        return answer

    return send


def _fill(route: str, arguments: dict[str, Any]) -> str:
    """Return the path of a route without a name, of the kinds that Django admin has."""
    for part, value in arguments.items():
        route = route.replace(f"<path:{part}>", str(value)).replace(f"(?P<{part}>.*)$", str(value))
    return route


def _word(response: Any) -> str:
    status = response.status_code
    if status in {301, 302}:
        if response.url.startswith("/sign-in/?next="):
            return "sign-in"
        if response.url.startswith("/admin/login/"):
            return "no"
    if status in {200, 201, 202, 204, 302}:
        told = get_messages(response.wsgi_request)
        return "no" if any(message.level >= ERROR for message in told) else "yes"
    return {401: "secret", 403: "no", 502: "yes"}.get(status, str(status))  # 502: the registry was asked


def _is_unaudited(name: str) -> bool:
    return any(permissions.fits(name, key) for key in UNAUDITED)


@pytest.mark.parametrize("persona", PERSONAS)
def test_every_url_answers_as_the_table_says(ask, persona):
    """And every POST that is answered "yes" is an act, which leaves an audit event; what is refused leaves none."""
    differences = []
    for name, route in URLS:
        for method in permissions.methods_of(name):
            row = TABLE.find(method, name)
            answer = ask(persona, method, name, route)
            allowed = {row[persona]} if row else {"405", "sign-in", "404", "no", "secret"}
            if answer.word not in allowed:
                differences.append(f"{method} {name}: {answer.word}, not {' or '.join(sorted(allowed))}")
            is_act = method != "GET" and answer.word == "yes" and not _is_unaudited(name)
            if is_act and not answer.is_audited:
                differences.append(f"{method} {name}: {answer.word}, and no audit event")
            if answer.is_audited and answer.word != "yes":
                differences.append(f"{method} {name}: {answer.word}, but an audit event")
    assert not differences, "\n" + "\n".join(differences)


def test_every_url_has_a_row(ask):
    """Name the missing rows as they would be written; read them before you copy them."""
    missing = []
    for name, route in URLS:
        if any(TABLE.find(method, name) for method in permissions.methods_of(name)):
            continue
        for method in permissions.methods_of(name):
            row = {persona: ask(persona, method, name, route).word for persona in PERSONAS}
            if set(row.values()) - {"sign-in", "405"}:
                key = f"{method} {name}"
                missing.append(f"[{permissions.face_of(name, route)}]  {permissions.write_row(key, row)}")
    assert not missing, "\n" + "\n".join(missing)


def test_every_row_has_a_url():
    used = {TABLE.find_key(method, name) for name, _route in URLS for method in permissions.methods_of(name)}
    assert not TABLE.rows.keys() - used


def test_the_list_of_unaudited_acts_holds_nothing_that_is_gone():
    names = [name for name, _route in URLS]
    assert not [key for key in UNAUDITED if not any(permissions.fits(name, key) for name in names)]


def test_the_page_is_made_of_the_table():
    assert permissions.PAGE.read_text() == permissions.render(TABLE), "run `make permissions`"
