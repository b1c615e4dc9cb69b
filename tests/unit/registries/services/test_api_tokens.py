"""API tokens: recognized by a fingerprint, ended by time, by their user, and with their user."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from registries.models import Account, ApiToken, AuditEvent, TokenScope, User
from registries.policies import Refused
from registries.services import api_tokens, sealing
from tests.factories import make_staff, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
A_DAY = timedelta(days=1)


@pytest.fixture
def user():
    return make_user()


def issue(user: User, scope: TokenScope = TokenScope.READ, life: timedelta = A_DAY) -> tuple[ApiToken, str]:
    return api_tokens.issue(scope=scope, expires_at=NOW + life, description="ci", by=user, now=NOW)


class TestIssue:
    def test_stores_nothing_that_opens_and_notes_no_secret(self, user):
        token, text = issue(user)
        secret = text.rpartition("_")[2] if text.count("_") == 2 else text.split("_", 2)[2]
        stored = str(ApiToken.objects.values().get())
        event = AuditEvent.objects.get(verb="api_token.issued")
        assert text.startswith(f"rgt_{token.token_id}_")
        assert secret not in stored
        assert secret not in str(event.changes) + event.target_name
        assert (event.actor, event.changes["scope"]) == (user, "read")

    @pytest.mark.parametrize("life", [timedelta(0), -A_DAY, timedelta(days=367)])
    def test_refuses_an_end_that_has_passed_or_is_too_far(self, user, life):
        with pytest.raises(Refused) as refused:
            issue(user, life=life)
        assert refused.value.field == "expires_at"

    def test_refuses_one_too_many(self, user, monkeypatch):
        monkeypatch.setattr(api_tokens, "MOST_TOKENS", 1)
        issue(user)
        with pytest.raises(Refused, match="which is the most"):
            issue(user)

    def test_serves_the_staff_of_the_platform_too(self):
        staff = make_staff()
        assert api_tokens.find_usable(issue(staff)[1], NOW) is not None

    def test_keeps_an_unknown_scope_out_of_the_database(self, user):
        token, _text = issue(user)
        with pytest.raises(IntegrityError), transaction.atomic():
            ApiToken.objects.filter(pk=token.pk).update(scope="everything")


class TestFindUsable:
    def test_finds_the_token_and_notes_its_use_once_a_minute(self, user):
        token, text = issue(user)
        assert api_tokens.find_usable(text, NOW) == token
        api_tokens.find_usable(text, NOW + timedelta(seconds=59))
        token.refresh_from_db()
        assert token.last_used_at == NOW
        api_tokens.find_usable(text, NOW + timedelta(seconds=60))
        token.refresh_from_db()
        assert token.last_used_at == NOW + timedelta(seconds=60)

    def test_finds_nothing_once_it_has_ended(self, user):
        _token, text = issue(user)
        assert api_tokens.find_usable(text, NOW + A_DAY) is None

    def test_finds_nothing_while_user_or_account_is_switched_off(self, user):
        _token, text = issue(user)
        User.objects.filter(pk=user.pk).update(is_active=False)
        assert api_tokens.find_usable(text, NOW) is None
        User.objects.filter(pk=user.pk).update(is_active=True)
        Account.objects.filter(pk=user.account_id).update(is_active=False)
        assert api_tokens.find_usable(text, NOW) is None

    @pytest.mark.parametrize(
        "change", [str.upper, lambda text: text[:-1], lambda text: text + "A", lambda _: ""]
    )
    def test_finds_nothing_for_another_text_with_one_query(self, user, change):
        _token, text = issue(user)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert api_tokens.find_usable(change(text), NOW) is None
        assert len(queries) <= 1

    def test_does_not_take_the_secret_of_another_token(self, user):
        first, second = issue(user)[1], issue(user)[1]
        assert api_tokens.find_usable(first[:25] + second[25:], NOW) is None

    def test_works_on_after_the_keys_were_rotated(self, user, settings):
        _token, text = issue(user)
        settings.VAULT_KEYS = {"new": b"n" * 32} | settings.VAULT_KEYS
        for field in sealing.FIELDS:
            sealing.reseal(field)
        settings.VAULT_KEYS = {"new": b"n" * 32}
        assert api_tokens.find_usable(text, NOW) is not None


class TestRevoke:
    def test_ends_it_at_once(self, user):
        token, text = issue(user)
        api_tokens.revoke(token=token, by=user, now=NOW)
        assert api_tokens.find_usable(text, NOW) is None
        assert AuditEvent.objects.filter(verb="api_token.revoked", actor=user).exists()

    def test_is_refused_to_everybody_else(self, user):
        token, _text = issue(user)
        colleague = make_user(account=user.account, role="owner")
        with pytest.raises(PermissionDenied):
            api_tokens.revoke(token=token, by=colleague, now=NOW)
        assert ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("scope", "covered"),
    [
        (TokenScope.READ, {TokenScope.READ}),
        (TokenScope.OPERATE, {TokenScope.READ, TokenScope.OPERATE}),
        (TokenScope.ADMIN, set(TokenScope)),
    ],
)
def test_a_scope_covers_those_below_it(scope, covered):
    assert {needed for needed in TokenScope if ApiToken(scope=scope).covers(needed)} == covered
