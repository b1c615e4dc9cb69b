"""Creating, changing and deleting instances: who, when, what is stored, and that nothing is half done."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError

from registries import audit, policies
from registries.models import (
    Account,
    AuditEvent,
    Credential,
    Edition,
    Health,
    Instance,
    Permission,
    Role,
    User,
)
from registries.policies import Refused
from registries.services import instances
from tests.factories import (
    make_access_credential,
    make_account,
    make_grant,
    make_instance,
    make_region,
    make_rule,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SECRET = "very-secret-words"
CHANGED = ["", "changed"]


def values(**fields: Any) -> dict[str, Any]:
    return {
        "name": "harbour",
        "edition": Edition.STANDARD,
        "region": make_region("ap-guangzhou"),
        "endpoint_url": "https://r.example",
    } | fields


def create(
    account: Account,
    by: User | None = None,
    *,
    username: str = "robot",
    password: str = SECRET,
    **fields: Any,
) -> Instance:
    return instances.create_connected(
        account=account, values=values(**fields), username=username, password=password, by=by, now=NOW
    )


def update(
    instance: Instance,
    by: User | None = None,
    *,
    username: str = "robot",
    password: str | None = None,
    **fields: Any,
) -> dict[str, Any]:
    return instances.update(
        instance=instance, values=fields, username=username, password=password, by=by, now=NOW
    )


def stored_password(instance: Instance) -> str:
    return Credential.objects.get(instance=instance.pk).open_password()


def fail(*_arguments: object, **_keywords: object) -> None:
    raise RuntimeError("at the very end")


@pytest.fixture
def owner():
    return make_user()


@pytest.fixture
def account(owner):
    return owner.account


@pytest.fixture
def instance(account):
    return make_instance(
        account=account, endpoint_url="https://r.example", username="robot", password=SECRET, name="harbour"
    )


class TestCreateConnected:
    def test_stores_the_instance_and_its_sealed_credential(self, owner, account):
        instance = create(account, owner)
        instance.refresh_from_db()
        credential = Credential.objects.get(instance=instance)
        assert (instance.account, instance.name, instance.edition) == (account, "harbour", Edition.STANDARD)
        assert (instance.kind, instance.health) == ("connected", Health.UNKNOWN)
        assert credential.username == "robot"
        assert SECRET not in credential.sealed_password
        assert credential.open_password() == SECRET

    def test_stores_no_credential_for_anonymous_access(self, owner, account):
        create(account, owner, username="", password="")
        assert not Credential.objects.exists()

    def test_notes_the_act_without_the_secret(self, owner, account):
        instance = create(account, owner)
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (audit.Verb.INSTANCE_CREATED, owner, account)
        assert event.target_id == str(instance.pk)
        assert event.changes["endpoint_url"] == "https://r.example"
        assert event.changes["region"] == "ap-guangzhou"
        assert SECRET not in str(vars(event))

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
    def test_is_for_those_who_administer_the_account(self, account, role):
        create(account, make_user(account=account, role=role))

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
    def test_is_not_for_the_other_roles(self, account, role):
        with pytest.raises(PermissionDenied):
            create(account, make_user(account=account, role=role))
        assert not Instance.objects.exists()

    def test_is_not_for_another_tenant(self, account):
        with pytest.raises(PermissionDenied):
            create(account, make_user())
        assert not Instance.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_is_for_the_platform(self, account):
        create(account)
        create(account, make_staff(), name="second")

    def test_leaves_nothing_when_the_name_is_taken(self, owner, account, instance):
        with pytest.raises(IntegrityError):
            create(account, owner, name=instance.name)

    def test_leaves_nothing_when_the_last_step_fails(self, owner, account, monkeypatch):
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            create(account, owner)
        assert not Instance.objects.exists()
        assert not Credential.objects.exists()


class TestUpdate:
    def test_changes_fields_and_says_what_changed(self, owner, instance):
        changes = update(instance, owner, name="dock", verify_tls=False, endpoint_url="https://r.example")
        instance.refresh_from_db()
        assert changes == {"name": ["harbour", "dock"], "verify_tls": ["True", "False"]}
        assert (instance.name, instance.verify_tls) == ("dock", False)
        assert stored_password(instance) == SECRET

    def test_neither_stores_nor_notes_what_was_so_before(self, owner, instance):
        before = Instance.objects.values().get()
        assert update(instance, owner, name="harbour", password=SECRET) == {}
        assert Instance.objects.values().get() == before
        assert not AuditEvent.objects.exists()

    def test_notes_the_change_without_old_and_new_secret(self, owner, instance):
        update(instance, owner, name="dock", password="another-secret")
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (
            audit.Verb.INSTANCE_UPDATED,
            owner,
            instance.account,
        )
        assert event.changes == {"name": ["harbour", "dock"], "credential": CHANGED}
        assert not any(secret in str(vars(event)) for secret in (SECRET, "another-secret"))

    def test_replaces_the_password(self, owner, instance):
        assert update(instance, owner, password="another-secret") == {"credential": CHANGED}
        assert stored_password(instance) == "another-secret"

    def test_adds_a_credential_to_an_anonymous_instance(self, owner, account):
        instance = make_instance(account=account)
        assert update(instance, owner, password="pw") == {"credential": CHANGED}
        assert stored_password(instance) == "pw"

    def test_removes_the_credential_with_the_username(self, owner, instance):
        assert update(instance, owner, username="") == {"credential": CHANGED}
        assert not Credential.objects.exists()

    def test_never_sends_the_stored_secret_to_a_new_address(self, owner, instance):
        changes = update(instance, owner, endpoint_url="https://evil.example")
        assert changes == {
            "endpoint_url": ["https://r.example", "https://evil.example"],
            "credential": CHANGED,
        }
        assert stored_password(instance) == ""
        assert Instance.objects.get().endpoint().password == ""

    def test_keeps_a_secret_that_was_given_for_the_new_address(self, owner, instance):
        update(instance, owner, endpoint_url="https://new.example", password="for-the-new-one")
        assert stored_password(instance) == "for-the-new-one"

    def test_stores_a_new_address_of_an_anonymous_instance(self, owner, account):
        instance = make_instance(account=account, endpoint_url="https://r.example")
        update(instance, owner, username="", endpoint_url="https://new.example")
        assert Instance.objects.get().endpoint_url == "https://new.example"

    def test_forgets_what_the_old_address_said(self, owner, instance):
        instances.record_health(instance=instance, health=Health.UNHEALTHY, detail="refused", now=NOW)
        instance.refresh_from_db()
        update(instance, owner, endpoint_url="https://new.example")
        instance.refresh_from_db()
        assert (instance.health, instance.health_detail) == (Health.UNKNOWN, "")

    def test_keeps_what_a_worker_found_out_meanwhile(self, owner, instance):
        instances.record_health(
            instance=Instance.objects.get(), health=Health.HEALTHY, detail="fine", now=NOW
        )
        update(instance, owner, name="dock")
        instance.refresh_from_db()
        assert (instance.name, instance.health, instance.health_checked_at) == ("dock", Health.HEALTHY, NOW)

    def test_lets_a_lost_secret_be_entered_again(self, owner, instance, settings):
        settings.VAULT_KEYS = {"new": b"n" * 32}
        assert update(instance, owner, password="again") == {"credential": CHANGED}
        assert stored_password(instance) == "again"

    def test_clears_a_lost_secret_with_the_address(self, owner, instance, settings):
        settings.VAULT_KEYS = {"new": b"n" * 32}
        update(instance, owner, endpoint_url="https://new.example")
        assert stored_password(instance) == ""

    def test_raises_the_edition_and_never_lowers_it(self, owner, instance):
        update(instance, owner, edition=Edition.PREMIUM)
        with pytest.raises(Refused) as caught:
            update(instance, owner, edition=Edition.BASIC)
        assert caught.value.field == "edition"
        assert Instance.objects.get().edition == Edition.PREMIUM

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN])
    def test_is_for_those_who_manage_the_instance(self, instance, role):
        assert update(instance, make_user(account=instance.account, role=role), name="dock")

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
    def test_is_not_for_the_other_roles(self, instance, role):
        with pytest.raises(PermissionDenied):
            update(instance, make_user(account=instance.account, role=role), name="dock", password="pw")
        assert Instance.objects.get().name == "harbour"
        assert stored_password(instance) == SECRET

    def test_is_for_a_viewer_with_a_grant(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=instance, permission=Permission.MANAGE)
        assert update(instance, viewer, name="dock")

    def test_is_not_for_another_tenant(self, instance):
        with pytest.raises(PermissionDenied):
            update(instance, make_user(), name="dock")
        assert not AuditEvent.objects.exists()

    def test_leaves_nothing_when_the_last_step_fails(self, owner, instance, monkeypatch):
        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            update(instance, owner, name="dock", password="another-secret")
        assert Instance.objects.get().name == "harbour"
        assert stored_password(instance) == SECRET


class TestDelete:
    def test_takes_credentials_along_and_leaves_the_note(self, owner, instance):
        make_access_credential(instance=instance)
        old_id = instance.pk
        instances.delete(instance=instance, by=owner, now=NOW)
        assert not Instance.objects.exists()
        assert not Credential.objects.exists()
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (audit.Verb.INSTANCE_DELETED, owner, owner.account)
        assert (event.target_id, event.target_name) == (str(old_id), "harbour")

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
    def test_is_not_for_roles_below_administrator(self, instance, role):
        with pytest.raises(PermissionDenied):
            instances.delete(instance=instance, by=make_user(account=instance.account, role=role), now=NOW)
        assert Instance.objects.exists()

    def test_is_not_for_another_tenant(self, instance):
        with pytest.raises(PermissionDenied):
            instances.delete(instance=instance, by=make_user(), now=NOW)
        assert Instance.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_is_refused_while_something_depends_on_it(self, owner, instance):
        make_rule(source=instance)
        with pytest.raises(Refused):
            instances.delete(instance=instance, by=owner, now=NOW)
        assert Instance.objects.filter(pk=instance.pk).exists()
        assert not AuditEvent.objects.exists()

    def test_is_undone_when_a_rule_slips_in_after_the_check(self, owner, instance, monkeypatch):
        monkeypatch.setattr(policies, "check_can_delete", lambda checked, now: make_rule(source=checked))
        with pytest.raises(Refused):
            instances.delete(instance=instance, by=owner, now=NOW)
        assert Instance.objects.filter(pk=instance.pk).exists()
        assert not AuditEvent.objects.exists()


class TestRecordHealth:
    def test_stores_what_the_registry_said_and_when(self, instance):
        instances.record_health(instance=instance, health=Health.UNHEALTHY, detail="x" * 900, now=NOW)
        instance.refresh_from_db()
        assert (instance.health, instance.health_checked_at) == (Health.UNHEALTHY, NOW)
        assert instance.health_detail == "x" * 500

    def test_does_not_mind_an_instance_that_is_gone(self):
        instance = make_instance(account=make_account())
        Instance.objects.all().delete()
        instances.record_health(instance=instance, health=Health.HEALTHY, detail="", now=NOW)
        assert not Instance.objects.exists()
