"""Rules to another tenant: the presented credential is checked, sealed, kept, changed, dropped and never shown."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied

from registries import audit
from registries.models import AccessCredential, AuditEvent, Edition, Instance, Role, User
from registries.policies import Refused
from registries.services.access_credentials import CredentialRejected
from registries.vault import VaultError
from syncjobs import reasons
from syncjobs.models import Rule
from syncjobs.services import rules
from tests.factories import make_access_credential, make_cross_tenant_rule, make_instance, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
SECRET = "what-they-gave-us"
OTHER = "another-they-gave"


@pytest.fixture
def source():
    return make_instance()


@pytest.fixture
def target():
    instance = make_instance()
    make_access_credential(instance=instance, secret=SECRET)
    return instance


@pytest.fixture
def owner(source):
    return make_user(account=source.account)


@pytest.fixture
def rule(source, target):
    return make_cross_tenant_rule(source=source, target=target, secret=SECRET, namespace="team")


def create(source: Instance, target: Instance, by: User | None, **fields: Any) -> Rule:
    values = {
        "source": source,
        "target": target,
        "name": "outwards",
        "namespace": "team",
        "is_cross_tenant": True,
        "target_username": target.account.uin,
        "target_password": SECRET,
    }
    return rules.create(values=values | fields, by=by, now=NOW)


def update(rule: Rule, by: User | None, **fields: Any) -> dict[str, Any]:
    return rules.update(rule=rule, values=fields, by=by, now=NOW)


def stored() -> Rule:
    return Rule.objects.get()


def assert_no_secret_in_audit() -> None:
    for event in AuditEvent.objects.all():
        for secret in (SECRET, OTHER, *Rule.objects.values_list("sealed_target_password", flat=True)):
            assert not secret or secret not in str(vars(event))


class TestCreate:
    def test_seals_the_credential_for_this_rule(self, source, target, owner):
        rule = create(source, target, owner)
        rule.refresh_from_db()
        assert (rule.is_cross_tenant, rule.target_username) == (True, target.account.uin)
        assert SECRET not in rule.sealed_target_password
        assert rule.open_target_password() == SECRET

    def test_notes_the_act_without_the_secret(self, source, target, owner):
        create(source, target, owner)
        event = AuditEvent.objects.get()
        assert (event.verb, event.account) == (audit.Verb.RULE_CREATED, source.account)
        assert "target_password" not in event.changes
        assert event.changes["target"] == target.instance_id
        assert target.name not in str(event.changes)
        assert_no_secret_in_audit()

    def test_marks_the_credential_as_used(self, source, target, owner):
        create(source, target, owner)
        assert AccessCredential.objects.get().last_used_at == NOW

    @pytest.mark.parametrize(
        "wrong",
        [
            {"target_password": "wrong"},
            {"target_password": ""},
            {"target_username": "100000000009"},
            {"target_username": "tcr$ci"},
        ],
    )
    def test_is_refused_with_a_wrong_credential_and_stores_nothing(self, source, target, owner, wrong):
        with pytest.raises(CredentialRejected):
            create(source, target, owner, **wrong)
        assert not Rule.objects.exists()
        assert not AuditEvent.objects.exists()
        assert AccessCredential.objects.get().last_used_at is None

    def test_checks_the_namespace_that_is_pushed_to(self, source, owner):
        narrow = make_instance()
        make_access_credential(instance=narrow, secret=SECRET, namespaces=["from-a"])
        with pytest.raises(CredentialRejected):
            create(source, narrow, owner)
        with pytest.raises(CredentialRejected):
            create(source, narrow, owner, namespace="from-a", target_namespace="elsewhere")
        create(source, narrow, owner, target_namespace="from-a")
        create(source, narrow, owner, namespace="from-a", name="second")

    def test_is_refused_where_the_edition_holds_no_rules(self, target, owner):
        basic = make_instance(account=owner.account, edition=Edition.BASIC)
        with pytest.raises(Refused):
            create(basic, target, owner)

    def test_is_for_those_who_synchronize_the_source(self, source, target):
        create(source, target, make_user(account=source.account, role=Role.OPERATOR))
        for user in (
            make_user(account=source.account, role=Role.VIEWER),
            make_user(account=target.account, role=Role.OWNER),
        ):
            with pytest.raises(PermissionDenied):
                create(source, target, user, name="not-mine")
        assert Rule.objects.count() == 1

    def test_leaves_nothing_when_the_last_step_fails(self, source, target, owner, monkeypatch):
        def fail(*_arguments: object, **_keywords: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            create(source, target, owner)
        assert not Rule.objects.exists()
        assert AccessCredential.objects.get().last_used_at is None


class TestUpdate:
    @pytest.mark.parametrize("password", [{}, {"target_password": ""}, {"target_password": SECRET}])
    def test_keeps_the_stored_secret(self, rule, owner, password):
        assert update(rule, owner, tag="v*", **password) == {"tag": ["", "v*"]}
        assert stored().open_target_password() == SECRET
        assert_no_secret_in_audit()

    def test_changes_it_to_another_that_is_valid(self, rule, owner, target):
        make_access_credential(instance=target, secret=OTHER)
        assert update(rule, owner, target_password=OTHER) == {"target_password": ["", "changed"]}
        assert stored().open_target_password() == OTHER
        assert_no_secret_in_audit()

    def test_keeps_the_old_one_if_the_new_one_is_wrong(self, rule, owner):
        with pytest.raises(CredentialRejected):
            update(rule, owner, target_password=OTHER, tag="v*")
        assert (stored().open_target_password(), stored().tag) == (SECRET, "")

    def test_checks_the_stored_one_anew(self, rule, owner):
        AccessCredential.objects.update(is_enabled=False)
        with pytest.raises(CredentialRejected):
            update(rule, owner, tag="v*")
        assert stored().tag == ""

    def test_checks_the_stored_one_for_a_new_namespace(self, rule, owner):
        AccessCredential.objects.update(namespaces=["team"])
        with pytest.raises(CredentialRejected):
            update(rule, owner, target_namespace="elsewhere")
        assert stored().target_namespace == ""

    def test_does_not_open_another_instance_with_it(self, rule, owner):
        foreign = make_instance()
        make_access_credential(instance=foreign, secret="theirs")
        with pytest.raises(CredentialRejected):
            update(rule, owner, target=foreign, target_username=foreign.account.uin)
        assert stored().target == rule.source.rules.get().target

    def test_drops_it_when_the_rule_stays_in_the_tenant(self, rule, owner, source):
        own = make_instance(account=source.account)
        changes = update(rule, owner, is_cross_tenant=False, target=own, target_username="")
        assert changes["target_password"] == ["", "changed"]
        assert (stored().target_username, stored().sealed_target_password) == ("", "")
        assert_no_secret_in_audit()

    def test_drops_the_username_even_if_it_is_sent_along(self, rule, owner, source):
        own = make_instance(account=source.account)
        update(rule, owner, is_cross_tenant=False, target=own, target_username="x", target_password="y")
        assert (stored().target_username, stored().sealed_target_password) == ("", "")

    def test_does_not_keep_a_foreign_target_without_a_credential(self, rule, owner):
        with pytest.raises(PermissionDenied):
            update(rule, owner, is_cross_tenant=False)
        with pytest.raises(Refused):
            update(stored(), None, is_cross_tenant=False)
        assert stored().is_cross_tenant

    def test_lets_a_secret_be_entered_again_whose_key_is_lost(self, rule, owner, settings, target):
        settings.VAULT_KEYS = {"new": b"n" * 32}
        make_access_credential(instance=target, secret=SECRET)
        with pytest.raises(CredentialRejected):
            update(rule, owner, tag="v*")
        update(stored(), owner, target_password=SECRET)
        assert stored().open_target_password() == SECRET


class TestCheckCredential:
    def test_passes_while_the_credential_is_good_and_marks_its_use(self, rule):
        rules.check_credential(rule=rule, now=NOW)
        assert AccessCredential.objects.get().last_used_at == NOW

    def test_has_nothing_to_check_inside_the_tenant(self, rule, source, owner):
        update(rule, owner, is_cross_tenant=False, target=make_instance(account=source.account))
        AccessCredential.objects.all().delete()
        rules.check_credential(rule=stored(), now=NOW)

    @pytest.mark.parametrize(
        "change",
        [
            {"is_enabled": False},
            {"can_push": False},
            {"expires_at": NOW - timedelta(seconds=1)},
            {"namespaces": ["elsewhere"]},
            {"secret_fingerprint": "!"},
        ],
    )
    def test_fails_once_the_credential_was_changed(self, rule, change):
        AccessCredential.objects.update(**change)
        with pytest.raises(CredentialRejected):
            rules.check_credential(rule=rule, now=NOW)

    @pytest.mark.parametrize(
        ("change", "reason"),
        [
            ({"is_enabled": False}, reasons.CREDENTIAL_DISABLED),
            ({"expires_at": NOW}, reasons.CREDENTIAL_EXPIRED),
            ({"namespaces": ["elsewhere"]}, reasons.CREDENTIAL_REJECTED),
        ],
    )
    def test_says_why_to_the_rule_that_was_saved_with_the_right_secret(self, rule, change, reason):
        AccessCredential.objects.update(**change)
        with pytest.raises(rules.CredentialStopped) as caught:
            rules.check_credential(rule=rule, now=NOW)
        assert (caught.value.reason, caught.value.may_heal) == (reason, True)

    def test_says_no_more_than_usual_once_it_was_deleted_or_its_instance_was(self, rule, target):
        AccessCredential.objects.all().delete()
        with pytest.raises(rules.CredentialStopped) as deleted:
            rules.check_credential(rule=rule, now=NOW)
        target.delete()
        with pytest.raises(rules.CredentialStopped) as gone:
            rules.check_credential(rule=stored(), now=NOW)
        for error in (deleted.value, gone.value):
            assert (error.reason, error.may_heal) == (reasons.CREDENTIAL_REJECTED, False)
            assert str(error) == str(CredentialRejected())

    def test_keeps_to_the_credential_that_was_accepted_last(self, rule, target):
        AccessCredential.objects.all().delete()
        other = make_access_credential(instance=target, secret=SECRET)
        rules.check_credential(rule=rule, now=NOW)
        assert stored().target_token_id == other.token_id

    def test_fails_once_the_issuer_was_demoted(self, rule, target):
        target.account.users.update(role=Role.VIEWER)
        with pytest.raises(CredentialRejected):
            rules.check_credential(rule=rule, now=NOW)

    def test_says_so_if_the_stored_secret_does_not_open(self, rule, settings):
        settings.VAULT_KEYS = {"new": b"n" * 32}
        with pytest.raises(VaultError):
            rules.check_credential(rule=rule, now=NOW)
