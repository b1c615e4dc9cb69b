"""Invitations: who may invite whom, and links that open once."""

from datetime import UTC, datetime, timedelta

import pytest
from django.core.exceptions import PermissionDenied

from registries.models import Account, AuditEvent, Invitation, Role, User
from registries.policies import Refused
from registries.services import invitations
from registries.services.one_time_links import LinkSpent
from tests.factories import PASSWORD, make_account, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def owner():
    return make_user(account=make_account(uin="100000000001"), role=Role.OWNER)


def invite(by: User, *, username: str = "guest", role: str = Role.OPERATOR, now: datetime = NOW):
    assert by.account
    return invitations.create(
        account=by.account, username=username, role=role, email="guest@example.com", by=by, now=now
    )


class TestCreate:
    def test_returns_a_token_and_stores_none(self, owner):
        invitation, token = invite(owner)
        stored = Invitation.objects.filter(pk=invitation.pk).values().get()
        assert len(token) >= 40
        assert token not in str(stored)
        assert token not in str(list(AuditEvent.objects.values()))
        assert stored["expires_at"] == NOW + timedelta(days=7)
        assert AuditEvent.objects.get().verb == "invitation.created"

    @pytest.mark.parametrize(
        ("inviter", "invited"), [("admin", "owner"), ("operator", "viewer"), ("viewer", "viewer")]
    )
    def test_refuses_a_role_that_the_inviter_may_not_give(self, owner, inviter, invited):
        with pytest.raises(PermissionDenied):
            invite(make_user(account=owner.account, role=inviter), role=invited)
        assert not Invitation.objects.exists()

    def test_refuses_a_username_that_is_taken(self, owner):
        with pytest.raises(Refused, match="already") as caught:
            invite(owner, username=owner.username)
        assert caught.value.field == "username"

    def test_refuses_a_second_invitation_until_the_first_has_expired(self, owner):
        invite(owner)
        with pytest.raises(Refused, match="already"):
            invite(owner)
        invite(owner, now=NOW + timedelta(days=7))
        assert Invitation.objects.count() == 1

    def test_knows_nothing_of_usernames_of_other_accounts(self, owner):
        make_user(username="guest")
        assert invite(owner)


class TestFind:
    def test_finds_the_invitation_of_a_token(self, owner):
        invitation, token = invite(owner)
        assert invitations.find(token, NOW) == invitation

    @pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\udc80"])
    def test_finds_nothing_for_another_token(self, owner, token):
        invite(owner)
        assert invitations.find(token, NOW) is None

    def test_finds_nothing_once_it_has_expired(self, owner):
        _invitation, token = invite(owner)
        assert invitations.find(token, NOW + timedelta(days=7)) is None

    def test_finds_nothing_in_a_switched_off_account(self, owner):
        _invitation, token = invite(owner)
        Account.objects.update(is_active=False)
        assert invitations.find(token, NOW) is None

    @pytest.mark.parametrize("change", [{"is_active": False}, {"role": Role.VIEWER}])
    def test_finds_nothing_once_the_inviter_may_no_longer_invite(self, owner, change):
        _invitation, token = invite(owner)
        User.objects.filter(pk=owner.pk).update(**change)
        assert invitations.find(token, NOW) is None


class TestAccept:
    def test_creates_the_user_as_invited(self, owner):
        _invitation, token = invite(owner)
        user = invitations.accept(token=token, password=PASSWORD, now=NOW)
        assert (user.login, user.role, user.email) == ("guest@100000000001", "operator", "guest@example.com")
        assert user.check_password(PASSWORD)
        assert AuditEvent.objects.latest("pk").verb == "invitation.accepted"

    def test_works_once(self, owner):
        _invitation, token = invite(owner)
        invitations.accept(token=token, password=PASSWORD, now=NOW)
        with pytest.raises(LinkSpent):
            invitations.accept(token=token, password="another-horse-8", now=NOW)
        assert User.objects.get(username="guest").check_password(PASSWORD)

    def test_tells_if_the_username_was_taken_meanwhile(self, owner):
        _invitation, token = invite(owner)
        make_user(account=owner.account, username="guest")
        with pytest.raises(Refused, match="already"):
            invitations.accept(token=token, password=PASSWORD, now=NOW)


class TestDelete:
    def test_withdraws_the_link(self, owner):
        invitation, token = invite(owner)
        invitations.delete(invitation=invitation, by=owner, now=NOW)
        with pytest.raises(LinkSpent):
            invitations.accept(token=token, password=PASSWORD, now=NOW)
        assert AuditEvent.objects.latest("pk").verb == "invitation.deleted"

    def test_keeps_an_owner_s_invitation_from_administrators(self, owner):
        invitation, _token = invite(owner, role=Role.OWNER)
        with pytest.raises(PermissionDenied):
            invitations.delete(
                invitation=invitation, by=make_user(account=owner.account, role=Role.ADMIN), now=NOW
            )
