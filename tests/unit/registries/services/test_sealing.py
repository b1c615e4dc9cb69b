"""Changing the key: everything sealed comes under the new one, once, and nothing else is touched."""

from collections.abc import Iterator

import pytest
from django.apps import apps
from django.db import models

from registries import vault
from registries.models import AccessCredential, Credential, Instance
from registries.services import access_credentials, api_keys, hooks, sealing
from registries.services.sealing import Tally
from syncjobs.services import sealing as rule_sealing
from tests.factories import make_backend, make_cross_tenant_rule, make_instance, make_user
from tests.unit.syncjobs.services.events import NOW

pytestmark = pytest.mark.django_db

FIELDS = (*sealing.FIELDS, *rule_sealing.FIELDS)
NEW = b"n" * 32


def sealed_fields() -> Iterator[tuple[type[models.Model], str]]:
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.name.startswith("sealed_"):
                yield model, field.name


@pytest.fixture
def secrets():
    """One row for each sealed field, and what opens it."""
    instance = make_instance(username="robot", password="of-the-registry")
    make_backend(username="robot", password="of-the-backend")
    hook = hooks.get_or_create_secret(holder=instance, by=None, now=NOW)
    rule = make_cross_tenant_rule(secret="of-the-rule")
    api_keys.create(user=make_user(account=instance.account), now=NOW)
    return instance, hook, rule


@pytest.fixture
def rotated(settings, secrets):
    settings.VAULT_KEYS = {"new": NEW, **settings.VAULT_KEYS}
    return secrets


def rotate() -> dict[str, Tally]:
    return {tally.field: tally for tally in map(sealing.reseal, FIELDS)}


def test_every_sealed_field_of_every_model_is_known():
    assert {(place.model, place.field) for place in FIELDS} == set(sealed_fields())


def test_every_value_opens_with_the_new_key_alone(rotated, settings):
    instance, hook, rule = rotated
    assert sum(tally.resealed_count for tally in rotate().values()) == 6

    settings.VAULT_KEYS = {"new": NEW}
    for model, field in sealed_fields():
        for value in model._default_manager.exclude(**{field: ""}).values_list(field, flat=True):
            assert vault.is_current(value)
    assert {row.open_password() for row in Credential.objects.all()} == {"of-the-registry", "of-the-backend"}
    assert hooks.find_authorized(instance_id=instance.instance_id, authorization=hook) == instance
    rule.refresh_from_db()
    assert rule.open_target_password() == "of-the-rule"
    presented = access_credentials.verify_push(
        instance_id=rule.target_instance_id,
        username=rule.target_username,
        secret="of-the-rule",
        namespace=rule.namespace,
        now=NOW,
    )
    assert presented.instance == rule.target


def test_what_is_current_is_not_touched(rotated):
    rotate()
    before = list(Credential.objects.order_by("pk").values_list("sealed_password", flat=True))
    again = rotate()
    assert {tally.resealed_count for tally in again.values()} == {0}
    assert sum(tally.current_count for tally in again.values()) == 6
    assert list(Credential.objects.order_by("pk").values_list("sealed_password", flat=True)) == before


def test_it_goes_on_where_it_was_interrupted(secrets, settings, monkeypatch):
    for _ in range(5):
        make_instance(username="robot", password="more")
    settings.VAULT_KEYS = {"new": NEW, **settings.VAULT_KEYS}
    monkeypatch.setattr(sealing, "_BATCH", 2)
    real, calls = vault.open_sealed, list[str]()

    def fail_at_the_fourth(value: str, *, context: str) -> str:
        calls.append(value)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return real(value, context=context)

    monkeypatch.setattr(vault, "open_sealed", fail_at_the_fourth)
    with pytest.raises(KeyboardInterrupt):
        rotate()
    monkeypatch.setattr(vault, "open_sealed", real)
    tally = rotate()["registries.Credential.sealed_password"]
    assert (tally.resealed_count, tally.current_count, tally.unreadable) == (5, 2, ())


def test_a_value_that_no_key_opens_is_named_and_left(rotated):
    broken = Instance.objects.exclude(sealed_hook_secret="").get()
    Instance.objects.filter(pk=broken.pk).update(sealed_hook_secret="lost.AAAA.AAAA")
    tallies = rotate()
    assert tallies["registries.Instance.sealed_hook_secret"].unreadable == (broken.pk,)
    broken.refresh_from_db()
    assert broken.sealed_hook_secret == "lost.AAAA.AAAA"
    assert tallies["registries.Credential.sealed_password"].resealed_count == 2


def test_a_value_that_somebody_changes_meanwhile_is_theirs(rotated, monkeypatch):
    real = vault.open_sealed

    def change_first(value: str, *, context: str) -> str:
        if context.endswith("|credential"):
            Credential.objects.filter(sealed_password=value).update(sealed_password="new.theirs.theirs")
        return real(value, context=context)

    monkeypatch.setattr(vault, "open_sealed", change_first)
    rotate()
    assert set(Credential.objects.values_list("sealed_password", flat=True)) == {"new.theirs.theirs"}


def test_the_fingerprint_follows_the_key(rotated):
    rotate()
    assert AccessCredential.objects.get().secret_fingerprint.startswith("new.")
