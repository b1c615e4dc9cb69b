"""A rule's page says beforehand what will stop it, without opening a secret."""

from datetime import UTC, datetime, timedelta

import pytest

from registries import vault
from registries.models import AccessCredential, Role
from syncjobs import reasons
from syncjobs.queries import warnings
from syncjobs.queries.warnings import CredentialWarning
from tests.factories import make_cross_tenant_rule, make_rule

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def rule():
    return make_cross_tenant_rule()


def test_is_silent_while_all_is_well(rule):
    assert warnings.find_warning(rule, NOW) is None
    assert warnings.find_warning(make_rule(), NOW) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"is_enabled": False}, CredentialWarning(reasons.CREDENTIAL_DISABLED)),
        ({"expires_at": NOW}, CredentialWarning(reasons.CREDENTIAL_EXPIRED)),
        ({"namespaces": ["other"]}, CredentialWarning(reasons.CREDENTIAL_REJECTED)),
        ({"secret_fingerprint": ""}, CredentialWarning(reasons.CREDENTIAL_REJECTED)),
        ({"expires_at": NOW + timedelta(days=13)}, CredentialWarning(ends_at=NOW + timedelta(days=13))),
        ({"expires_at": NOW + timedelta(days=15)}, None),
    ],
)
def test_says_what_is_wrong_or_soon_will_be(rule, change, expected):
    AccessCredential.objects.update(**change)
    assert warnings.find_warning(rule, NOW) == expected


def test_says_the_same_for_a_deleted_credential_and_a_deleted_instance(rule):
    AccessCredential.objects.all().delete()
    first = warnings.find_warning(rule, NOW)
    rule.target.delete()
    rule.refresh_from_db()
    assert first == warnings.find_warning(rule, NOW) == CredentialWarning(reasons.CREDENTIAL_REJECTED)


def test_knows_that_the_issuer_lost_the_right(rule):
    rule.target.account.users.update(role=Role.VIEWER)
    assert warnings.find_warning(rule, NOW) == CredentialWarning(reasons.CREDENTIAL_REJECTED)


def test_costs_one_query_for_many_rules_and_opens_nothing(django_assert_num_queries, monkeypatch):
    rules = [make_cross_tenant_rule() for _ in range(10)]
    AccessCredential.objects.update(is_enabled=False)
    monkeypatch.setattr(vault, "open_sealed", None)
    with django_assert_num_queries(1):
        found = warnings.list_warnings(rules, NOW)
    assert set(found) == {rule.pk for rule in rules}
