"""The secrets of hooks: sealed, shown to those who manage, worthless to everybody else."""

import hmac
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from registries import audit, vault
from registries.models import AuditEvent, Instance, Role
from registries.services import hooks
from registries.vault import VaultError
from tests.factories import make_backend, make_hosted_instance, make_instance, make_staff, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def instance():
    return make_instance()


@pytest.fixture
def secret(instance):
    return hooks.get_or_create_secret(holder=instance, by=None, now=NOW)


class TestGetOrCreateSecret:
    def test_makes_a_secret_once_and_shows_it_again(self, instance, secret):
        assert len(secret) >= 32
        assert hooks.get_or_create_secret(holder=instance, by=None, now=NOW) == secret
        events = AuditEvent.objects.filter(verb=audit.Verb.HOOK_CREATED)
        assert [event.target_name for event in events] == [instance.name]

    def test_stores_it_sealed_and_bound_to_the_instance(self, instance, secret):
        stored = Instance.objects.get(pk=instance.pk)
        assert secret not in stored.sealed_hook_secret
        other = make_instance()
        Instance.objects.filter(pk=other.pk).update(sealed_hook_secret=stored.sealed_hook_secret)
        with pytest.raises(VaultError):
            hooks.get_or_create_secret(holder=other, by=None, now=NOW)

    def test_shows_the_one_that_somebody_else_made_meanwhile(self, instance):
        stale = Instance.objects.get(pk=instance.pk)
        first = hooks.get_or_create_secret(holder=instance, by=None, now=NOW)
        assert hooks.get_or_create_secret(holder=stale, by=None, now=NOW) == first

    def test_writes_no_secret_into_the_audit_log(self, instance, secret):
        hooks.rotate_secret(holder=instance, by=None, now=NOW)
        assert secret not in str([event.__dict__ for event in AuditEvent.objects.all()])

    @pytest.mark.parametrize("act", [hooks.get_or_create_secret, hooks.rotate_secret])
    def test_is_for_those_who_manage_the_instance(self, instance, act):
        for user in (make_user(account=instance.account, role=Role.OPERATOR), make_user()):
            with pytest.raises(PermissionDenied):
                act(holder=instance, by=user, now=NOW)
        assert act(holder=instance, by=make_user(account=instance.account, role=Role.ADMIN), now=NOW)


class TestHosted:
    def test_instances_need_none_of_their_own(self):
        backend = make_backend()
        hosted = make_hosted_instance(backend=backend)
        assert not hosted.has_hook
        for act in (hooks.get_or_create_secret, hooks.rotate_secret):
            with pytest.raises(hooks.HookNotNeeded, match="without a hook of its own"):
                act(holder=hosted, by=None, now=NOW)
        hooks.get_or_create_secret(holder=backend, by=None, now=NOW)
        assert Instance.objects.get(pk=hosted.pk).has_hook

    @pytest.mark.parametrize("act", [hooks.get_or_create_secret, hooks.rotate_secret])
    def test_the_secret_of_a_backend_is_for_staff(self, act):
        backend = make_backend()
        with pytest.raises(PermissionDenied):
            act(holder=backend, by=make_user(role=Role.OWNER), now=NOW)
        secret = act(holder=backend, by=make_staff(), now=NOW)
        assert hooks.find_authorized_backend(code=backend.code, authorization=secret) == backend
        assert AuditEvent.objects.get().account is None

    def test_the_secret_of_a_backend_opens_no_instance(self, instance):
        backend = make_backend()
        secret = hooks.get_or_create_secret(holder=backend, by=None, now=NOW)
        Instance.objects.filter(pk=instance.pk).update(sealed_hook_secret=backend.sealed_hook_secret)
        assert not hooks.find_authorized(instance_id=instance.instance_id, authorization=secret)


class TestRotateSecret:
    def test_makes_the_old_one_worthless(self, instance, secret):
        new = hooks.rotate_secret(holder=instance, by=None, now=NOW)
        assert new != secret
        assert not hooks.find_authorized(instance_id=instance.instance_id, authorization=f"Bearer {secret}")
        assert hooks.find_authorized(instance_id=instance.instance_id, authorization=f"Bearer {new}")
        assert AuditEvent.objects.filter(verb=audit.Verb.HOOK_ROTATED).count() == 1


class TestFindAuthorized:
    @pytest.mark.parametrize("form", ["Bearer {}", "bearer {}", "{}", "  Bearer   {}  "])
    def test_takes_the_secret_with_and_without_its_scheme(self, instance, secret, form):
        found = hooks.find_authorized(instance_id=instance.instance_id, authorization=form.format(secret))
        assert found == instance

    @pytest.mark.parametrize(
        "wrong", ["", "Bearer", "Bearer ", "Bearer wrong", "Basic {}", "{}x", "Bearer \udcff"]
    )
    def test_refuses_anything_else(self, instance, secret, wrong):
        authorization = wrong.format(secret)
        assert hooks.find_authorized(instance_id=instance.instance_id, authorization=authorization) is None

    def test_refuses_the_secret_of_another_instance(self, secret):
        other = make_instance()
        hooks.get_or_create_secret(holder=other, by=None, now=NOW)
        assert hooks.find_authorized(instance_id=other.instance_id, authorization=secret) is None

    @pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer "])
    def test_an_instance_without_a_secret_lets_nobody_in(self, instance, authorization):
        assert hooks.find_authorized(instance_id=instance.instance_id, authorization=authorization) is None

    def test_a_secret_that_does_not_open_lets_nobody_in(self, instance, secret, settings):
        settings.VAULT_KEYS = {"another": b"x" * 32}
        assert hooks.find_authorized(instance_id=instance.instance_id, authorization=secret) is None

    def test_takes_the_same_steps_for_an_unknown_instance(self, instance, secret, monkeypatch):
        steps: list[str] = []

        def counted(name: str, original: Callable[..., Any]) -> Callable[..., Any]:
            def call(*args: Any, **given: Any) -> Any:
                steps.append(name)
                return original(*args, **given)

            return call

        monkeypatch.setattr(vault, "seal", counted("cipher", vault.seal))
        monkeypatch.setattr(vault, "open_sealed", counted("cipher", vault.open_sealed))
        monkeypatch.setattr(hmac, "compare_digest", counted("compare", hmac.compare_digest))
        without_secret = make_instance()
        for instance_id in (instance.instance_id, "tcr-unknown1", without_secret.instance_id):
            hooks.find_authorized(instance_id=instance_id, authorization="Bearer wrong")
        assert steps == ["cipher", "compare"] * 3
