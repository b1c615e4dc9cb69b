"""What the migration to fingerprints makes of credentials that were stored with slow hashes."""

import importlib

import pytest
from django.apps import apps
from django.contrib.auth.hashers import make_password

from registries.models import AccessCredential
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from syncjobs.models import Rule
from tests.factories import PASSWORD, make_access_credential, make_cross_tenant_rule
from tests.unit.syncjobs.services.events import NOW

pytestmark = pytest.mark.django_db

migration = importlib.import_module("syncjobs.migrations.0002_cross_tenant")


@pytest.fixture
def rule():
    """A rule and a credential as the version before stored them."""
    rule = make_cross_tenant_rule()
    make_access_credential(instance=rule.target, secret="another")
    AccessCredential.objects.update(
        secret_fingerprint="", sealed_secret_digest="", secret_hash=make_password("another")
    )
    AccessCredential.objects.filter(token_id=rule.target_token_id).update(secret_hash=make_password(PASSWORD))
    Rule.objects.update(target_token_id="")
    return rule


def migrate() -> None:
    migration.name_targets(apps, None)


def present(rule: Rule, secret: str) -> AccessCredential:
    return access_credentials.verify_push(
        instance_id=rule.target_instance_id,
        username=rule.target_username,
        secret=secret,
        namespace=rule.namespace,
        now=NOW,
    )


def test_renews_the_credential_that_a_rule_presents(rule):
    expected = rule.target_token_id
    migrate()
    rule.refresh_from_db()
    assert rule.target_token_id == expected
    assert present(rule, PASSWORD).token_id == expected
    assert present(rule, PASSWORD).secret_hash == ""


def test_leaves_the_others_as_they_are_until_they_are_declared_again(rule):
    migrate()
    with pytest.raises(CredentialRejected):
        present(rule, "another")
    assert AccessCredential.objects.exclude(secret_hash="").count() == 1


def test_does_not_mind_a_rule_whose_secret_does_not_open(rule, settings):
    settings.VAULT_KEYS = {"new": b"n" * 32}
    migrate()
    rule.refresh_from_db()
    assert rule.target_token_id == ""


def test_may_be_repeated(rule):
    migrate()
    migrate()
    assert present(rule, PASSWORD).secret_hash == ""
