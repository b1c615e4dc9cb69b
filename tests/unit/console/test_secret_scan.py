"""A story with every kind of secret in it, after which none of them is to be found anywhere."""

from __future__ import annotations

import base64
import io
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from console.shared import errors
from registries import audit
from registries.models import Account, AuditEvent, Instance, User
from registries.services import hooks
from syncjobs import tasks
from syncjobs.models import Execution, Rule
from syncjobs.services import rules
from tests import factories
from tests.fakes import images
from tests.fakes.answers import Answer, json_answer
from tests.fakes.registry import FakeRegistry
from tests.fakes.server import Call, FaultyServer
from tests.unit.console.secrets_scan import Scan

pytestmark = pytest.mark.django_db(transaction=True)

NO_LISTENER = "http://127.0.0.1:9"


class EchoServer(FaultyServer):
    """A registry that blurts out the credentials it is sent, and names a token server with some in its address."""

    def __init__(self, realm: str = "") -> None:
        super().__init__(self._blurt)
        self._challenge = f'Bearer realm="{realm}",service="s"' if realm else 'Basic realm="echo"'

    async def _blurt(self, call: Call) -> Answer:
        sent = call.headers.get("Authorization")
        if sent is None:
            return json_answer(401, {"errors": []}, {"WWW-Authenticate": self._challenge})
        pair = base64.b64decode(sent.removeprefix("Basic ")).decode()
        message = f"no entry for {pair} ({sent})"
        return json_answer(403, {"errors": [{"code": "DENIED", "message": message, "detail": pair}]})


@dataclass(frozen=True)
class Place:
    """Where the story happens."""

    file: Path
    registry: FakeRegistry
    settings: Any


def run(*arguments: str) -> tuple[int, str]:
    """Return the exit code and everything that a command printed."""
    output, code = io.StringIO(), 0
    try:
        call_command(*arguments, stdout=output, stderr=output)
    except CommandError as error:
        code = error.returncode
        output.write(str(error))
    except SystemExit as exit_:
        code = int(exit_.code or 0)
    return code, output.getvalue()


@pytest.fixture
def place(tmp_path, registry, settings) -> Place:
    return Place(tmp_path / "regatta.yaml", registry, settings)


@pytest.fixture
def scan() -> Scan:
    return Scan()


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as running:
        yield running


def file_text(scan: Scan, registry: FakeRegistry) -> str:
    passwords = {
        name: scan.add(f"password of {name}", f"Pa55-{name}-horse&7") for name in ("alice", "bob", "operator")
    }
    connected = scan.add("stored password of an instance", "c0nnected<\"'>word", "robot")
    backend = scan.add("stored password of a backend", "b4ckend-word-x", "robot")
    chosen = scan.add("declared secret", "d3clared-secret-of-bob")
    return f"""
regions: [{{code: lab-1, numeric_id: 9001, name_en: Laboratory}}]
backends: [{{code: main, region: lab-1, endpoint: "{NO_LISTENER}", username: robot, password: {backend}}}]
accounts:
  - uin: "100000000001"
    name: Acme
    users: [{{username: alice, password: "{passwords["alice"]}", role: owner}}]
  - uin: "100000000002"
    name: Globex
    users: [{{username: bob, password: "{passwords["bob"]}", role: owner}}]
staff: [{{username: operator, password: "{passwords["operator"]}"}}]
instances:
  - {{name: source, account: "100000000001", region: lab-1, endpoint: "{registry.url}"}}
  - {{name: closed, account: "100000000001", region: lab-1, endpoint: "{NO_LISTENER}", username: robot,
      password: {json.dumps(connected)}}}
  - {{name: target, account: "100000000002", region: lab-1, endpoint: "{registry.url}",
      instance_id: tcr-target01}}
credentials:
  - {{instance: target, secret: {chosen}, namespaces: [copies]}}
rules:
  - {{source: source, name: declared, namespace: team, target: tcr-target01, target_account: "100000000002",
      target_password: {chosen}, target_namespace: copies}}
"""


def apply_files(scan: Scan, path: Path, registry: FakeRegistry) -> None:
    """Apply a file, again, as a trial, and with mistakes right beside its secrets."""
    text = file_text(scan, registry)
    rejected = scan.add("rejected secret", "r3jected-secret-word")
    in_address = scan.add("password in an address", "1n-the-address-word")
    variants = {
        "good": text,
        "json": text,
        "wrong": text.replace("target_password: d3clared-secret-of-bob", f"target_password: {rejected}"),
        "address": text.replace("http://127.0.0.1:9", f"http://robot:{in_address}@127.0.0.1:9"),
        "torn": text.replace('horse&7", role: owner', "horse&7, role: owner"),
    }
    for name, variant in variants.items():
        path.write_text(variant)
        options = ["--json"] if name == "json" else []
        code, output = run("apply", str(path), "--no-check", *options)
        assert (code == 0) == (name in {"good", "json"}), (name, output)
        scan.look(f"output of apply ({name})", output)


def use_pages(scan: Scan, alice: Client, bob: Client) -> None:
    """Issue a credential, present it, mistype it, and connect registries that fail."""
    issued = bob.post("/instances/tcr-target01/credentials/new/", {"description": "for Acme"})
    secret = max(re.findall(r"<code[^>]*>([\w-]{40,})</code>", issued.content.decode()), key=len)
    scan.add("issued secret", secret)
    source = Instance.objects.get(name="source")
    wrong = scan.add("mistyped secret", "m1styped-secret-word")
    for name, password in (("mistyped", wrong), ("presented", secret)):
        data = {
            "name": name,
            "namespace": "team",
            "is_cross_tenant": "on",
            "target_instance_id": "tcr-target01",
            "target_username": "100000000002",
            "target_password": password,
            "is_enabled": "on",
        }
        response = alice.post(f"/synchronization/instances/{source.instance_id}/new/", data)
        scan.look(f"answer to a rule ({name})", response.content.decode())
    assert Rule.objects.filter(name="presented").exists()
    echoed = scan.add("password that a registry echoes", "3choed-password-word", "robot")
    in_realm = scan.add("password in a realm", "1n-the-realm-word")
    with EchoServer() as echo, EchoServer(f"http://x:{in_realm}@127.0.0.1:9/token") as realm:
        for name, server in (("echoing", echo), ("realmed", realm)):
            connect(scan, alice, name, server, echoed)


def connect(scan: Scan, alice: Client, name: str, server: FaultyServer, password: str) -> None:
    data = {
        "name": name,
        "edition": "standard",
        "region": "lab-1",
        "endpoint_url": server.url,
        "username": "robot",
        "password": password,
        "verify_tls": "on",
    }
    refused = alice.post("/instances/new/", data)
    assert refused.status_code == 200
    scan.look(f"answer to the connection {name}", refused.content.decode())
    assert alice.post("/instances/new/", data | {"skip_check": "on"}).status_code == 302
    instance = Instance.objects.get(name=name)
    tested = alice.post(f"/instances/{instance.instance_id}/connection/")
    assert 'data-status="failed"' in tested.content.decode()
    if name == "echoing":
        assert "no entry for robot:…" in tested.content.decode()
    scan.look(f"test of the connection {name}", tested.content.decode())


def run_commands(scan: Scan, settings: Any) -> None:
    for name in ("closed", "echoing", "source"):
        instance = Instance.objects.filter(name=name).first()
        if instance:
            for options in ([], ["--json"]):
                _code, output = run("test_connection", instance.instance_id, *options)
                scan.look(f"test_connection {name}", output)
    settings.VAULT_KEYS = {"new": b"n" * 32, **settings.VAULT_KEYS}
    for arguments in (["rotate_keys"], ["list_executions", "--json"], ["status"]):
        _code, output = run(*arguments)
        scan.look(f"output of {arguments[0]}", output)


def synchronize(registry: FakeRegistry) -> None:
    """Copy with both rules, and then with a credential that was disabled."""
    images.push(images.image("one"), registry, "team/app", "v1")
    for rule in Rule.objects.all():
        Rule.objects.filter(pk=rule.pk).update(retry_window_seconds=0)
        rules.trigger(rule=rule, by=None, now=timezone.now())
        tasks.drain()
    assert set(Execution.objects.values_list("status", flat=True)) == {"succeeded"}
    Instance.objects.get(instance_id="tcr-target01").access_credentials.update(is_enabled=False)
    rules.trigger(rule=Rule.objects.get(name="presented"), by=None, now=timezone.now())
    tasks.drain()
    assert Execution.objects.latest("pk").reason == "credential_disabled"


def sign_in(scan: Scan, login: str, password: str) -> Client:
    client = Client(raise_request_exception=False)
    mistyped = scan.add(f"mistyped password of {login}", f"Mistyped-{password}-X")
    for attempt in (mistyped, password):
        response = client.post("/sign-in/", {"username": login, "password": attempt})
        scan.look("sign-in", response.content.decode())
    assert response.status_code == 302
    return client


def tell_story(scan: Scan, place: Place) -> dict[str, Client]:
    apply_files(scan, place.file, place.registry)
    people = {
        name: sign_in(scan, login, f"Pa55-{name}-horse&7")
        for name, login in (
            ("alice", "alice@100000000001"),
            ("bob", "bob@100000000002"),
            ("operator", "operator"),
        )
    }
    use_pages(scan, people["alice"], people["bob"])
    source = Instance.objects.get(name="source")
    hook = hooks.get_or_create_secret(holder=source, by=None, now=timezone.now())
    scan.add("hook secret", hook)
    for authorization in (f"Bearer {hook}", f"Bearer {hook}x", hook):
        answer = Client().post(
            f"/hooks/registries/{source.instance_id}",
            data="{ not json",
            content_type="application/json",
            headers={"Authorization": authorization},
        )
        assert answer.status_code in {400, 401, 403}
        scan.look("answer to a hook", answer.content.decode())
    synchronize(place.registry)
    run_commands(scan, place.settings)
    return people


def look_everywhere(scan: Scan, people: dict[str, Client], log: str) -> None:
    for name, client in people.items():
        starts = ["/", "/nowhere/", "/instances/", "/synchronization/", "/audit/", "/audit/events.csv"]
        seen = scan.look_at_pages(client, name, *starts, *(["/admin/"] if name == "operator" else []))
        assert len(seen) > 15, seen
    unsafe = Client(enforce_csrf_checks=True).post("/sign-in/", {"password": "x"})
    scan.look("error page", unsafe.content.decode())
    scan.look("error page", errors.server_error(unsafe.wsgi_request).content.decode())
    scan.look("log", log)
    scan.look("audit", str(list(AuditEvent.objects.values())))
    scan.look_at_database()


def test_no_secret_of_the_story_is_found_anywhere(scan, place, caplog):
    caplog.set_level(logging.DEBUG)
    people = tell_story(scan, place)
    look_everywhere(scan, people, caplog.text)
    assert len(scan.secrets) >= 14
    assert any(place.endswith(".csv") for place in scan.places)
    assert any("/admin/registries/accesscredential/" in place for place in scan.places)
    assert scan.found == []


def test_no_secret_is_kept_that_a_registry_echoes_to_a_worker(scan):
    secret = scan.add("password that a registry echoes", "3choed-password-word", "robot")
    with EchoServer() as echo:
        source = factories.make_instance(endpoint_url=echo.url, username="robot", password=secret)
        rule = factories.make_rule(source=source)
        rules.trigger(rule=rule, by=None, now=timezone.now())
        tasks.drain()
    assert Execution.objects.get().status == "failed"
    scan.look_at_database()
    assert scan.found == []


class TestTheScanItself:
    def test_finds_a_planted_secret_in_every_kind_of_place(self, scan, caplog):
        secret = scan.add("planted", "pl4nted & <word>", "robot")
        owner = factories.make_user(account=factories.make_account(name="Acme"))
        instance = factories.make_instance(account=owner.account)
        Account.objects.filter(users=owner).update(name=secret)
        audit.record(
            audit.Verb.RULE_CREATED,
            by=owner,
            target=instance,
            account=owner.account,
            now=timezone.now(),
            changes={"secret": [secret]},
        )
        User.objects.filter(pk=owner.pk).update(username=secret)
        client = Client()
        client.force_login(owner)
        session = client.session
        session["kept"] = secret
        session.save()
        logging.getLogger("regatta").error("Authorization: %s", secret)
        scan.look_at_pages(client, "owner", "/")
        scan.look("log", caplog.text)
        scan.look_at_database()
        places = {place for place, _name in scan.found}
        assert places >= {
            "owner at /",
            "log",
            "a session",
            "table registries_account",
            "table registries_auditevent",
        }

    @pytest.mark.parametrize(
        "text",
        [
            "pl4nted & <word>",
            "pl4nted &amp; &lt;word&gt;",
            "pl4nted%20%26%20%3Cword%3E",
            f"Basic {base64.b64encode(b'robot:pl4nted & <word>').decode()}",
            base64.b64encode(b"pl4nted & <word>").decode(),
        ],
    )
    def test_knows_how_it_may_be_spelled(self, scan, text):
        scan.add("planted", "pl4nted & <word>", "robot")
        scan.look("somewhere", f"before {text} after")
        assert scan.found == [("somewhere", "planted")]
