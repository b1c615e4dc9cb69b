"""Issuing credentials and checking presented ones: strangers learn nothing, neither from words nor from time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from registries import audit, vault
from registries.models import (
    AccessCredential,
    Account,
    Action,
    AuditEvent,
    CredentialKind,
    Grant,
    Instance,
    Permission,
    Role,
    User,
)
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from tests.factories import (
    PASSWORD,
    make_access_credential,
    make_grant,
    make_instance,
    make_staff,
    make_user,
)

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
MESSAGE = "The target instance, username or password is wrong, or may not push to this namespace."


@pytest.fixture
def instance():
    return make_instance()


@pytest.fixture
def owner(instance):
    return make_user(account=instance.account)


@pytest.fixture
def issued(instance, owner):
    return make_access_credential(instance=instance, created_by=owner)


def issue(instance: Instance, by: User | None, **details: Any) -> tuple[AccessCredential, str]:
    return access_credentials.issue(instance=instance, by=by, now=NOW, **details)


def verify(credential: AccessCredential, **presented: Any) -> Instance:
    arguments: dict[str, Any] = {
        "instance_id": credential.instance.instance_id,
        "username": credential.username,
        "secret": PASSWORD,
        "namespace": "team",
        "now": NOW,
    }
    return access_credentials.verify_push(**arguments | presented).instance


def assert_rejected(credential: AccessCredential, **presented: Any) -> None:
    with pytest.raises(CredentialRejected) as caught:
        verify(credential, **presented)
    assert str(caught.value) == MESSAGE
    assert not AccessCredential.objects.exclude(last_used_at=None).exists()


class TestIssue:
    def test_returns_a_secret_that_is_kept_nowhere(self, instance, owner):
        credential, secret = issue(instance, owner)
        credential.refresh_from_db()
        assert len(secret) >= 32
        assert secret not in str(vars(credential))
        assert verify(credential, secret=secret) == instance

    def test_is_user_level_with_the_account_id_as_username(self, instance, owner):
        credential, _secret = issue(instance, owner)
        assert (credential.kind, credential.username) == (CredentialKind.USER, instance.account.uin)

    @pytest.mark.parametrize("username", ["ci", "tcr$ci"])
    def test_is_service_level_with_a_name(self, instance, owner, username):
        credential, _secret = issue(instance, owner, username=username)
        assert (credential.kind, credential.username) == (CredentialKind.SERVICE, "tcr$ci")

    def test_takes_a_secret_that_was_chosen(self, instance, owner):
        credential, secret = issue(instance, owner, secret="chosen-by-hand")
        assert secret == "chosen-by-hand"
        assert verify(credential, secret="chosen-by-hand") == instance

    def test_generates_another_secret_each_time(self, instance, owner):
        assert len({issue(instance, owner)[1] for _ in range(5)}) == 5

    def test_stores_namespaces_end_and_issuer(self, instance, owner):
        end = NOW + timedelta(days=1)
        credential, _secret = issue(instance, owner, namespaces=["team"], description="for B", expires_at=end)
        credential.refresh_from_db()
        assert (credential.namespaces, credential.description) == (["team"], "for B")
        assert (credential.expires_at, credential.created_by) == (end, owner)

    def test_notes_the_act_without_the_secret(self, instance, owner):
        credential, secret = issue(instance, owner, namespaces=["team"])
        event = AuditEvent.objects.get()
        assert (event.verb, event.actor, event.account) == (
            audit.Verb.ACCESS_CREDENTIAL_ISSUED,
            owner,
            instance.account,
        )
        assert event.changes == {"username": credential.username, "namespaces": ["team"]}
        assert secret not in str(vars(event))
        assert credential.secret_fingerprint not in str(vars(event))

    @pytest.mark.parametrize("role", [Role.OWNER, Role.ADMIN, Role.OPERATOR])
    def test_is_for_those_who_may_push(self, instance, role):
        issue(instance, make_user(account=instance.account, role=role))

    def test_is_for_a_viewer_with_a_grant_only(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        with pytest.raises(PermissionDenied):
            issue(instance, viewer)
        make_grant(user=viewer, instance=instance, permission=Permission.PUSH)
        issue(instance, viewer)
        assert AccessCredential.objects.count() == 1

    def test_is_not_for_another_tenant(self, instance):
        with pytest.raises(PermissionDenied):
            issue(instance, make_user())
        assert not AccessCredential.objects.exists()
        assert not AuditEvent.objects.exists()

    def test_leaves_no_note_when_the_name_is_taken(self, instance, owner):
        issue(instance, owner, username="ci")
        with pytest.raises(IntegrityError), transaction.atomic():
            issue(instance, owner, username="ci")
        assert AuditEvent.objects.count() == 1

    def test_leaves_nothing_when_the_last_step_fails(self, instance, owner, monkeypatch):
        def fail(*_arguments: object, **_keywords: object) -> None:
            raise RuntimeError

        monkeypatch.setattr(audit, "record", fail)
        with pytest.raises(RuntimeError):
            issue(instance, owner)
        assert not AccessCredential.objects.exists()


class TestVerifyPush:
    def test_opens_the_instance_and_notes_the_use(self, issued, instance):
        assert verify(issued) == instance
        issued.refresh_from_db()
        assert issued.last_used_at == NOW

    def test_rejects_a_wrong_secret(self, issued):
        assert_rejected(issued, secret="wrong")
        assert_rejected(issued, secret="")
        assert_rejected(issued, secret=PASSWORD + " ")
        assert_rejected(issued, secret=issued.secret_fingerprint)
        assert_rejected(issued, secret=issued.sealed_secret_digest)

    def test_rejects_an_unknown_instance(self, issued):
        assert_rejected(issued, instance_id="tcr-00000000")

    def test_rejects_another_instance_of_the_same_account(self, issued, instance):
        assert_rejected(issued, instance_id=make_instance(account=instance.account).instance_id)

    def test_rejects_another_username(self, issued):
        assert_rejected(issued, username="100000000009")
        assert_rejected(issued, username="")

    def test_rejects_a_namespace_that_it_was_not_issued_for(self, instance, owner):
        credential = make_access_credential(instance=instance, created_by=owner, namespaces=["team", "web"])
        assert_rejected(credential, namespace="other")
        assert_rejected(credential, namespace="tea")
        assert_rejected(credential, namespace="")
        assert verify(credential, namespace="web") == instance

    def test_rejects_an_expired_one_from_the_very_moment_on(self, instance, owner):
        credential = make_access_credential(instance=instance, created_by=owner, expires_at=NOW)
        assert_rejected(credential)
        assert verify(credential, now=NOW - timedelta(seconds=1)) == instance

    def test_rejects_a_disabled_one(self, issued):
        AccessCredential.objects.update(is_enabled=False)
        assert_rejected(issued)

    def test_rejects_one_that_may_only_pull(self, issued):
        AccessCredential.objects.update(can_push=False)
        assert_rejected(issued)

    @pytest.mark.parametrize("spelling", ["tcr$ci", "TCR$ci", " tcr$ci"])
    def test_rejects_a_service_level_account_with_its_right_secret(self, instance, owner, spelling):
        credential = make_access_credential(instance=instance, created_by=owner, username="tcr$ci")
        assert_rejected(credential, username=spelling)

    def test_rejects_it_once_its_issuer_was_demoted(self, issued, owner):
        User.objects.filter(pk=owner.pk).update(role=Role.VIEWER)
        assert_rejected(issued)

    def test_rejects_it_once_its_issuer_was_switched_off(self, issued, owner):
        User.objects.filter(pk=owner.pk).update(is_active=False)
        assert_rejected(issued)

    def test_rejects_it_once_its_issuer_s_grant_was_taken_back(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=instance, permission=Permission.PUSH)
        credential = make_access_credential(instance=instance, created_by=viewer)
        assert verify(credential) == instance
        AccessCredential.objects.update(last_used_at=None)
        Grant.objects.all().delete()
        assert_rejected(credential)

    def test_rejects_it_once_the_account_was_switched_off(self, issued, instance):
        Account.objects.filter(pk=instance.account_id).update(is_active=False)
        assert_rejected(issued)

    def test_rejects_it_once_its_issuer_belongs_to_another_account(self, issued, owner):
        User.objects.filter(pk=owner.pk).update(account=make_user().account)
        assert_rejected(issued)

    def test_takes_what_staff_issued_while_they_are_active(self, instance):
        staff = make_staff()
        credential = make_access_credential(instance=instance, created_by=staff)
        assert verify(credential) == instance
        AccessCredential.objects.update(last_used_at=None)
        User.objects.filter(pk=staff.pk).update(is_active=False)
        assert_rejected(credential)

    def test_notes_the_use_of_the_one_that_opened_among_several(self, instance, owner):
        first = make_access_credential(instance=instance, created_by=owner, secret="one")
        second = make_access_credential(instance=instance, created_by=owner, secret="two")
        verify(first, secret="two")
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.last_used_at, second.last_used_at) == (None, NOW)

    @pytest.mark.parametrize("garbage", ["\x00", "a\x00b", "\ud800", "密码" * 500])
    def test_rejects_garbage_like_anything_wrong(self, issued, garbage):
        for field in ("instance_id", "username", "secret"):
            assert_rejected(issued, **{field: garbage})

    def test_says_it_in_the_language_of_the_request(self):
        assert str(CredentialRejected()) == MESSAGE

    def test_takes_what_the_platform_issued_while_the_account_is_active(self, instance):
        credential, secret = issue(instance, None)
        assert credential.created_by is None
        assert verify(credential, secret=secret) == instance
        AccessCredential.objects.update(last_used_at=None)
        Account.objects.update(is_active=False)
        assert_rejected(credential, secret=secret)

    def test_rejects_one_of_before_the_fingerprints_until_its_secret_is_given_again(self, issued):
        AccessCredential.objects.update(
            secret_fingerprint="", sealed_secret_digest="", secret_hash="pbkdf2$x"
        )
        assert_rejected(issued)
        assert_rejected(issued, secret="")
        issued.store_secret(PASSWORD)
        issued.save()
        assert verify(issued) == issued.instance

    def test_takes_one_that_an_older_key_of_the_ring_recognizes(self, issued, settings):
        settings.VAULT_KEYS = {"new": b"n" * 32} | settings.VAULT_KEYS
        assert verify(issued) == issued.instance

    def test_rejects_it_once_its_key_left_the_ring(self, issued, settings):
        settings.VAULT_KEYS = {"new": b"n" * 32}
        assert_rejected(issued)

    def test_rejects_a_fingerprint_that_was_copied_to_another_instance(self, issued, instance, owner):
        other = make_access_credential(instance=make_instance(account=instance.account), created_by=owner)
        AccessCredential.objects.filter(pk=other.pk).update(secret_fingerprint=issued.secret_fingerprint)
        assert_rejected(other)

    def test_notes_the_use_once_a_minute_at_most(self, issued):
        verify(issued)
        with CaptureQueriesContext(connection) as queries:
            verify(issued, now=NOW + timedelta(seconds=59))
        assert not any(query["sql"].startswith("UPDATE") for query in queries)
        verify(issued, now=NOW + timedelta(seconds=60))
        issued.refresh_from_db()
        assert issued.last_used_at == NOW + timedelta(seconds=60)


class TestWork:
    """A rejection costs the same whatever was wrong, so that a clock tells a stranger nothing."""

    @pytest.fixture
    def work(self, monkeypatch):
        """Return a function that counts the queries and fingerprints of one rejection."""
        computed: list[str] = []
        real = vault.fingerprints

        def counted(value: str, *, context: str) -> list[str]:
            computed.append(value)
            return real(value, context=context)

        monkeypatch.setattr(vault, "fingerprints", counted)

        def measure(credential: AccessCredential, **presented: Any) -> tuple[int, int]:
            computed.clear()
            with CaptureQueriesContext(connection) as queries, pytest.raises(CredentialRejected):
                verify(credential, **presented)
            return len(queries), len(computed)

        return measure

    def test_is_one_lookup_for_every_cause(self, instance, owner, issued, work):
        def elsewhere(**fields: Any) -> AccessCredential:
            other = make_instance(account=instance.account)
            return make_access_credential(instance=other, created_by=owner, **fields)

        causes = {
            "secret": work(issued, secret="wrong"),
            "instance": work(issued, instance_id="tcr-00000000"),
            "username": work(issued, username="100000000009"),
            "service": work(elsewhere(username="tcr$ci")),
            "namespace": work(elsewhere(namespaces=["web"])),
            "expired": work(elsewhere(expires_at=NOW)),
            "disabled": work(elsewhere(is_enabled=False)),
            "garbage": work(issued, secret="\ud800"),
        }
        assert set(causes.values()) == {(1, 1)}, causes

    def test_does_not_grow_with_the_number_of_credentials(self, instance, owner, issued, work):
        for number in range(20):
            make_access_credential(instance=instance, created_by=owner, secret=f"other-{number}")
        assert work(issued, secret="wrong") == (1, 1)
        assert work(issued, username="100000000009") == (1, 1)


class TestAllows:
    @pytest.mark.parametrize(
        ("action", "namespace", "expected"),
        [
            ("push", "team", True),
            ("pull", "team", True),
            ("push", "web", False),
            ("pull", "web", True),
            ("pull", "other", False),
        ],
    )
    def test_a_service_level_account_has_permissions_by_namespace(
        self, instance, owner, action, namespace, expected
    ):
        allowed = {"team": ["pull", "push"], "web": ["pull"]}
        credential, _secret = issue(instance, owner, username="ci", allowed=allowed)
        assert credential.allows(action, namespace) is expected

    def test_a_star_is_every_namespace(self, instance, owner):
        credential, _secret = issue(instance, owner, username="ci", allowed={"*": ["pull"], "team": ["push"]})
        assert credential.allows(Action.PULL, "team")
        assert credential.allows(Action.PUSH, "team")
        assert not credential.allows(Action.PUSH, "other")

    def test_a_service_level_account_may_do_everything_unless_told_otherwise(self, instance, owner):
        credential, _secret = issue(instance, owner, username="ci")
        assert credential.permissions == {"*": ["pull", "push"]}

    def test_a_viewer_may_give_away_pulling_only(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        issue(instance, viewer, username="ci", allowed={"team": ["pull"]})
        with pytest.raises(PermissionDenied):
            issue(instance, viewer, username="cd", allowed={"team": ["push"]})


class TestTemporary:
    def test_ends_after_an_hour(self, instance, owner):
        credential, secret = issue(instance, owner, is_temporary=True)
        assert credential.expires_at == NOW + timedelta(hours=1)
        assert verify(credential, secret=secret, now=NOW + timedelta(minutes=59)) == instance
        AccessCredential.objects.update(last_used_at=None)
        assert_rejected(credential, secret=secret, now=NOW + timedelta(hours=1))
