"""Passwords: changed by oneself, or reset by somebody else and chosen by a link."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from registries.models import Account, AuditEvent, PasswordReset, Role, SignIn, User
from registries.policies import Refused
from registries.services import passwords
from registries.services.one_time_links import LinkSpent
from tests.factories import PASSWORD, make_account, make_sign_in, make_staff, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
NEW = "another-horse-8"


@pytest.fixture
def owner():
    return make_user(account=make_account(), role=Role.OWNER)


@pytest.fixture
def user(owner):
    return make_user(account=owner.account, role=Role.OPERATOR)


class TestChangeOwn:
    def test_keeps_this_session_and_ends_the_others(self, user):
        kept, _other = make_sign_in(user=user), make_sign_in(user=user)
        passwords.change_own(user=user, password=NEW, kept_session=kept.session_key, now=NOW)
        assert User.objects.get(pk=user.pk).check_password(NEW)
        assert list(SignIn.objects.all()) == [kept]
        assert AuditEvent.objects.get().verb == "password.changed"

    def test_makes_a_link_useless(self, user, owner):
        _link, token = passwords.reset(user=user, by=owner, now=NOW)
        passwords.change_own(user=user, password=NEW, kept_session=None, now=NOW)
        assert passwords.find_reset(token, NOW) is None


class TestReset:
    def test_stops_the_old_password_and_every_session_at_once(self, user, owner):
        make_sign_in(user=user)
        passwords.reset(user=user, by=owner, now=NOW)
        assert not User.objects.get(pk=user.pk).check_password(PASSWORD)
        assert not SignIn.objects.exists()
        assert AuditEvent.objects.get().verb == "password.reset"

    def test_stores_no_token(self, user, owner):
        link, token = passwords.reset(user=user, by=owner, now=NOW)
        assert token not in str(list(PasswordReset.objects.values()) + list(AuditEvent.objects.values()))
        assert link.expires_at == NOW + timedelta(hours=24)

    def test_replaces_an_earlier_link(self, user, owner):
        _link, first = passwords.reset(user=user, by=owner, now=NOW)
        _link, second = passwords.reset(user=user, by=owner, now=NOW)
        assert passwords.find_reset(first, NOW) is None
        assert passwords.find_reset(second, NOW)

    def test_keeps_owners_from_administrators(self, owner):
        with pytest.raises(PermissionDenied, match="Only an owner"):
            passwords.reset(user=owner, by=make_user(account=owner.account, role=Role.ADMIN), now=NOW)
        assert User.objects.get(pk=owner.pk).check_password(PASSWORD)

    def test_locks_nobody_out_of_their_own_account(self, owner):
        with pytest.raises(Refused, match="lock you out"):
            passwords.reset(user=owner, by=owner, now=NOW)

    def test_lets_the_platform_help_a_last_owner(self, owner):
        _link, token = passwords.reset(user=owner, by=make_staff(), now=NOW)
        assert passwords.choose(token=token, password=NEW, now=NOW) == owner

    def test_needs_an_enabled_user(self, user, owner):
        user.is_active = False
        with pytest.raises(Refused, match="Enable"):
            passwords.reset(user=user, by=owner, now=NOW)


class TestChoose:
    def test_sets_the_password_once(self, user, owner):
        _link, token = passwords.reset(user=user, by=owner, now=NOW)
        passwords.choose(token=token, password=NEW, now=NOW)
        assert User.objects.get(pk=user.pk).check_password(NEW)
        assert AuditEvent.objects.latest("pk").verb == "password.chosen"
        with pytest.raises(LinkSpent):
            passwords.choose(token=token, password=PASSWORD, now=NOW)

    def test_takes_no_expired_link(self, user, owner):
        _link, token = passwords.reset(user=user, by=owner, now=NOW)
        with pytest.raises(LinkSpent):
            passwords.choose(token=token, password=NEW, now=NOW + timedelta(hours=24))

    @pytest.mark.parametrize("model", [User, Account])
    def test_takes_none_of_a_user_who_is_switched_off(self, user, owner, model):
        _link, token = passwords.reset(user=user, by=owner, now=NOW)
        model.objects.update(is_active=False)
        with pytest.raises(LinkSpent):
            passwords.choose(token=token, password=NEW, now=NOW)
