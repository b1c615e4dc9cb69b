"""One tenant with one object of each kind, its users, and everybody else who may ask for its URLs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone

from registries.forms import instance as instance_form
from registries.forms import platform as platform_form
from registries.models import AuditEvent, Edition, TokenScope, User
from registries.models.invitation import PasswordReset
from registries.models.sign_in import SignIn, SignInThrottle
from registries.models.stored_answer import StoredAnswer
from registries.models.throttle_window import ThrottleWindow
from registries.services import api_keys, api_tokens, one_time_links
from syncjobs import forms as rule_form
from syncjobs.models import DriftReport, EventAction, LagSample, PushEvent
from syncjobs.states import Status
from tests import factories

_INVITATION = "token-of-the-invitation"
_RESET = "token-of-the-reset"
_ENABLING = {
    "rules:enable",
    "users:enable",
    "credentials:enable",
    "api:enable_rule",
    "api:enable_user",
    "api:enable_credential",
}
_RETRYING = {"executions:retry", "api:retry_execution"}


class World:
    """The tenant's objects and the people; `path_arguments` and `data` are what a request for a URL takes."""

    def __init__(self) -> None:
        account = factories.make_account(name="Tenant")
        other = factories.make_account(name="Another tenant")
        self.account = account
        self.users: dict[str, User | None] = {"anonymous": None}
        for role in ("viewer", "operator", "admin", "owner"):
            self.users[role] = factories.make_user(account=account, role=role, username=role)
        self.users["stranger"] = factories.make_user(account=other, role="owner")
        self.users["staff"] = factories.make_staff()
        self.source = factories.make_instance(account=account, name="source", edition=Edition.PREMIUM)
        self.target = factories.make_instance(account=account, name="target")
        self.idle = factories.make_instance(account=account, name="idle-instance")
        self.rule = factories.make_rule(source=self.source, target=self.target, name="rule")
        self.disabled_rule = factories.make_rule(source=self.source, target=self.target, is_enabled=False)
        self.running = factories.make_execution(
            rule=factories.make_rule(source=self.source, target=self.target), status=Status.RUNNING
        )
        self.failed = factories.make_execution(
            rule=factories.make_rule(source=self.source, target=self.target), status=Status.FAILED
        )
        self.job = factories.make_job(execution=self.failed, status=Status.FAILED)
        self.member = factories.make_user(account=account, role="viewer", username="member")
        self.disabled_member = factories.make_user(account=account, role="viewer", is_active=False)
        self.grant = factories.make_grant(user=self.member, instance=self.idle, permission="view")
        self.invitation = factories.make_invitation(account=account, token=_INVITATION)
        self.credential = factories.make_access_credential(instance=self.source)
        self.disabled_credential = factories.make_access_credential(instance=self.source, is_enabled=False)
        self.sign_ins = {name: _sign_in(user) for name, user in self.users.items() if user}
        self.backend = factories.make_backend(region=factories.make_region("ap-shanghai"), code="platform")
        factories.make_credential(backend=self.backend)
        factories.make_backend(region=factories.make_region("ap-beijing"))
        self.replica = factories.make_replica(primary=self.source, backend=self.backend)
        owner = self.users["owner"]
        assert owner is not None
        self.key, self.disabled_key = (api_keys.create(user=owner, now=timezone.now())[0] for _ in range(2))
        api_keys.set_enabled(key=self.disabled_key, is_enabled=False, by=owner, now=timezone.now())
        self.api_token, _text = api_tokens.issue(
            scope=TokenScope.READ,
            expires_at=timezone.now() + timedelta(days=1),
            description="",
            by=account.users.get(username="owner"),
            now=timezone.now(),
        )
        self.foreign = factories.make_instance(account=other, name="foreign")
        factories.make_access_credential(instance=self.foreign)
        self._fill_admin()

    def _fill_admin(self) -> None:
        """Make one row of every model that Django admin shows."""
        factories.make_credential(instance=self.source)
        factories.make_backend(username="robot", password=factories.PASSWORD)
        self.namespace = factories.make_namespace(instance=self.source)
        self.public_namespace = factories.make_namespace(instance=self.source, name="public", is_public=True)
        DriftReport.objects.create(replica=self.replica, checked_at=timezone.now())
        LagSample.objects.create(replica=self.replica, sampled_at=timezone.now())
        factories.make_outcome(job=self.job, status="failed")
        factories.make_worker()
        PushEvent.objects.create(
            instance=self.source, event_id="1", action=EventAction.PUSH, received_at=self.rule.created_at
        )
        AuditEvent.objects.create(
            happened_at=self.rule.created_at, account=self.account, actor_name="x", verb="rule.created"
        )
        PasswordReset.objects.create(
            user=factories.make_user(account=self.account, role="viewer", username="forgetful"),
            token_digest=one_time_links.digest_of(_RESET),
            created_at=timezone.now(),
            expires_at=timezone.now() + timedelta(days=1),
        )
        ThrottleWindow.objects.create(name="x", number=1, updated_at=timezone.now())
        StoredAnswer.objects.create(user=self.member, key="x", created_at=timezone.now())
        SignInThrottle.objects.create(
            key="name:1", last_attempt_at=self.rule.created_at, blocked_until=self.rule.created_at
        )

    def path_arguments(self, name: str, route: str) -> dict[str, Any]:
        """Return what the captured parts of the URL are; a KeyError means: tell it here."""
        wanted = re.findall(r"<(?:\w+:)?(\w+)>", route)
        known: dict[str, Callable[[], Any]] = {
            "instance_id": lambda: self._instance_for(name).instance_id,
            "rule_id": lambda: (self.disabled_rule if name in _ENABLING else self.rule).pk,
            "user_id": lambda: (self.disabled_member if name in _ENABLING else self.member).pk,
            "grant_id": lambda: self.grant.pk,
            "invitation_id": lambda: self.invitation.pk,
            "token": lambda: _INVITATION if name == "session:accept_invitation" else _RESET,
            "api_token_id": lambda: self.api_token.token_id,
            "uin": lambda: self.account.uin,
            "name": lambda: (
                (self.public_namespace if name == "namespaces:unpublish" else self.namespace).name
            ),
            "token_id": lambda: self._credential_for(name).token_id,
            "secret_id": lambda: (self.key if name == "keys:disable" else self.disabled_key).secret_id,
            "execution_id": lambda: (self.failed if name in _RETRYING else self.running).pk,
            "replica_id": lambda: self.replica.replica_id,
            "region_code": lambda: self.source.region.code,
            "backend_code": lambda: self.backend.code,
            "repository": lambda: "team/app",
            "object_id": lambda: _row_of_admin(name),
            "app_label": lambda: "registries",
            "content_type_id": lambda: ContentType.objects.get_for_model(User).pk,
            "url": lambda: "no-such-page",
        }
        return {part: known[part]() for part in wanted}

    def query(self, name: str) -> str:
        """Return what the URL must be asked with."""
        return "?repository=team/app" if name == "api:tags" else ""

    def data(self, name: str, persona: str = "owner") -> dict[str, Any]:
        """Return what a POST of the persona to the URL must hold to be an act; empty where nothing is needed."""
        instance = {"name": "changed-name", "skip_check": "on"}
        rule = {"name": "changed-name", "namespace": "other"}
        password = {"password": "battery-staple-9", "repeated": "battery-staple-9"}
        region = {"numeric_id": 9001, "name_en": "Test", "name_zh": "测试", "jurisdiction": "test"}
        backend = {"code": "main", "region": self.source.region_id, "endpoint_url": "https://new.example.com"}
        known: dict[str, Callable[[], dict[str, Any]]] = {
            "admin:registries_region_add": lambda: {"code": "xx-new"} | region,
            "admin:registries_region_change": lambda: {"code": "xx-changed"} | region,
            "admin:registries_backend_add": lambda: backend,
            "admin:registries_backend_change": lambda: backend | {"region": self.backend.region_id},
            "account:end_session": lambda: (
                {"session": self.sign_ins[persona].pk} if persona in self.sign_ins else {}
            ),
            "account:change_password": lambda: password | {"present": factories.PASSWORD},
            "admin:password_change": lambda: password | {"present": factories.PASSWORD},
            "/admin/password_change/": lambda: password | {"present": factories.PASSWORD},
            "session:accept_invitation": lambda: password,
            "session:choose_password": lambda: password,
            "users:invite": lambda: {"username": "invited", "role": "viewer", "email": ""},
            "users:detail": lambda: {"role": "operator", "email": ""},
            "users:give_grant": lambda: {"instance_id": self.source.instance_id, "permission": "push"},
            "credentials:issue": lambda: {"description": "new"},
            "credentials:update": lambda: {"description": "changed"},
            "credentials:delete": lambda: {"name": self.credential.username},
            "instances:create": lambda: instance_form.values_of(self.target) | instance,
            "instances:update": lambda: instance_form.values_of(self.source) | instance,
            "instances:delete": lambda: {"name": self.idle.name},
            "namespaces:create": lambda: {"name": "new-namespace"},
            "namespaces:delete": lambda: {"name": self.namespace.name},
            "replicas:create": lambda: {"region": "ap-beijing"},
            "replicas:delete": lambda: {"name": self.replica.replica_id},
            "regions:create": lambda: {"code": "xx-new"} | region,
            "regions:update": lambda: {"code": "ap-guangzhou"} | region,
            "backends:create": lambda: backend | {"region": "ap-beijing"},
            "backends:update": lambda: platform_form.values_of_backend(self.backend) | {"capacity": 9},
            "rules:create": lambda: rule_form.values_of(self.rule) | rule,
            "rules:update": lambda: rule_form.values_of(self.rule) | rule,
            "rules:delete": lambda: {"name": self.rule.name},
            "rules:bulk": lambda: {"rule": self.rule.pk, "act": "disable"},
            "tokens:issue": lambda: {"description": "new", "scope": "read", "days": 30},
            "account:preferences": lambda: {"language": "", "time_zone": "", "theme": "dark"},
        }
        if name.startswith("api:"):
            return self._body(name)
        values = known.get(name, dict)()
        return {key: value for key, value in values.items() if value is not None and value is not False}

    def _body(self, name: str) -> dict[str, Any]:
        """Return what a program sends."""
        target = self.target
        connection = {"region": target.region.code, "endpoint_url": target.endpoint_url, "skip_check": True}
        rule = {"name": "new", "namespace": "other", "target": target.instance_id}
        known: dict[str, dict[str, Any]] = {
            "api:instances": {"name": "new-instance"} | connection,
            "api:instance": {"is_deletion_protected": True},
            "api:namespaces": {"name": "new-namespace"},
            "api:credentials": {"description": "new"},
            "api:credential": {"description": "changed"},
            "api:create_rule": rule,
            "api:preview_new_rule": rule,
            "api:rule": {"description": "changed"},
            "api:create_replica": {"region": "ap-beijing"},
            "api:user": {"role": "operator"},
            "api:invitations": {"username": "invited", "role": "viewer"},
        }
        return known.get(name, {})

    def _instance_for(self, name: str) -> Any:
        return self.idle if name in {"instances:delete", "api:instance"} else self.source

    def _credential_for(self, name: str) -> Any:
        return self.disabled_credential if name in _ENABLING else self.credential


def _sign_in(user: User) -> SignIn:
    """Make a session of the user on another device."""
    session = SessionStore()
    session.create()
    now = timezone.now()
    return SignIn.objects.create(
        user=user, session_key=session.session_key or "", signed_in_at=now, last_seen_at=now
    )


def _row_of_admin(name: str) -> str:
    """Return the key of the first row that the URL of an admin, such as `admin:registries_user_change`, is about."""
    if name == "admin:view_on_site":
        return str(User.objects.order_by("pk").values_list("pk", flat=True)[0])
    found = re.fullmatch(r"(?:admin:|/admin/)(registries|syncjobs)[_/]([a-z]+)[_/].*", name)
    assert found, f"tell here which row {name} is about"
    row = apps.get_model(found[1], found[2])._default_manager.order_by("pk").first()
    assert row is not None, f"the world has no {found[2]}: make one"
    return str(row.pk)
