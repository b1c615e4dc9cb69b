"""Who may change which user, and what an account must keep."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied

from registries.models import AuditEvent, Role, SignIn, User
from registries.policies import Refused
from registries.services import accounts
from tests.factories import make_account, make_password_reset, make_sign_in, make_staff, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def account():
    return make_account()


@pytest.fixture
def owner(account):
    return make_user(account=account, role=Role.OWNER)


@pytest.fixture
def admin(account):
    return make_user(account=account, role=Role.ADMIN)


def change_role(user: User, role: str, by: User | None) -> None:
    accounts.update_user(user=user, values={"role": role}, password=None, by=by, now=NOW)


def verbs() -> list[str]:
    return list(AuditEvent.objects.values_list("verb", flat=True))


class TestUpdateUser:
    @pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR, Role.ADMIN])
    def test_lets_administrators_give_roles_up_to_their_own(self, account, admin, role):
        user = make_user(account=account, role=Role.VIEWER, username="v")
        change_role(user, role, admin)
        assert User.objects.get(pk=user.pk).role == role

    def test_lets_nobody_give_a_role_above_their_own(self, account, admin):
        user = make_user(account=account, role=Role.VIEWER)
        with pytest.raises(PermissionDenied, match="above your own"):
            change_role(user, Role.OWNER, admin)
        assert User.objects.get(pk=user.pk).role == Role.VIEWER
        assert verbs() == []

    def test_lets_nobody_raise_themself(self, admin):
        with pytest.raises(PermissionDenied, match="above your own"):
            change_role(admin, Role.OWNER, admin)

    @pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
    def test_lets_those_below_change_nobody(self, account, owner, role):
        with pytest.raises(PermissionDenied):
            change_role(
                make_user(account=account, role=Role.VIEWER),
                Role.VIEWER,
                make_user(account=account, role=role),
            )

    def test_keeps_owners_from_administrators(self, owner, admin):
        with pytest.raises(PermissionDenied, match="Only an owner"):
            change_role(owner, Role.VIEWER, admin)

    def test_keeps_users_from_other_accounts(self, owner):
        with pytest.raises(PermissionDenied):
            change_role(owner, Role.VIEWER, make_user(role=Role.OWNER))

    def test_lets_an_owner_step_down_if_another_stays(self, account, owner):
        make_user(account=account, role=Role.OWNER)
        change_role(owner, Role.VIEWER, owner)
        assert User.objects.get(pk=owner.pk).role == Role.VIEWER

    def test_keeps_the_last_owner(self, owner, admin):
        with pytest.raises(Refused, match="last owner") as caught:
            change_role(owner, Role.ADMIN, owner)
        assert caught.value.field == "role"
        assert User.objects.get(pk=owner.pk).role == Role.OWNER

    @pytest.mark.parametrize("reason", ["disabled", "without a password", "of another account"])
    def test_counts_only_owners_who_can_sign_in(self, account, owner, reason):
        other = make_user(account=None if reason == "of another account" else account, role=Role.OWNER)
        if reason == "disabled":
            User.objects.filter(pk=other.pk).update(is_active=False)
        if reason == "without a password":
            other.set_unusable_password()
            other.save()
        with pytest.raises(Refused, match="last owner"):
            change_role(owner, Role.ADMIN, owner)

    def test_sees_what_another_owner_has_done_meanwhile(self, account, owner):
        other = make_user(account=account, role=Role.OWNER)
        stale = User.objects.get(pk=other.pk)
        change_role(owner, Role.VIEWER, other)
        with pytest.raises(Refused, match="last owner"):
            change_role(stale, Role.VIEWER, User.objects.get(pk=other.pk))

    def test_lets_the_platform_do_it_which_can_make_a_new_owner(self, owner):
        change_role(owner, Role.VIEWER, None)
        assert User.objects.get(pk=owner.pk).role == Role.VIEWER

    def test_ends_sessions_and_links_with_a_new_password(self, owner):
        make_sign_in(user=owner)
        make_password_reset(user=owner)
        accounts.update_user(user=owner, values={}, password="another-horse-8", by=None, now=NOW)
        assert not SignIn.objects.exists()
        assert not hasattr(User.objects.get(pk=owner.pk), "password_reset")

    def test_writes_what_changed_and_nothing_if_nothing_did(self, account, owner):
        user = make_user(account=account, role=Role.VIEWER, email="a@example.com")
        values = {"role": Role.OPERATOR, "email": "a@example.com"}
        assert accounts.update_user(user=user, values=values, password=None, by=owner, now=NOW) == {
            "role": ["viewer", "operator"]
        }
        assert accounts.update_user(user=user, values=values, password=None, by=owner, now=NOW) == {}
        assert verbs() == ["user.updated"]


class TestSetUserActive:
    def test_disables_ends_the_sessions_and_enables_again(self, account, owner):
        user = make_user(account=account, role=Role.VIEWER)
        make_sign_in(user=user)
        accounts.set_user_active(user=user, is_active=False, by=owner, now=NOW)
        assert not User.objects.get(pk=user.pk).is_active
        assert not SignIn.objects.exists()
        accounts.set_user_active(user=user, is_active=True, by=owner, now=NOW)
        assert User.objects.get(pk=user.pk).is_active
        assert sorted(verbs()) == ["user.disabled", "user.enabled"]

    def test_is_safe_to_repeat(self, account, owner):
        user = make_user(account=account, role=Role.VIEWER)
        accounts.set_user_active(user=user, is_active=True, by=owner, now=NOW)
        assert verbs() == []

    def test_keeps_owners_from_administrators(self, owner, admin):
        with pytest.raises(PermissionDenied, match="Only an owner"):
            accounts.set_user_active(user=owner, is_active=False, by=admin, now=NOW)

    def test_lets_nobody_disable_themself(self, admin):
        with pytest.raises(Refused, match="yourself"):
            accounts.set_user_active(user=admin, is_active=False, by=admin, now=NOW)

    def test_keeps_the_last_owner_who_can_sign_in(self, account, owner):
        last = make_user(account=account, role=Role.OWNER)
        owner.set_unusable_password()
        owner.save()
        with pytest.raises(Refused, match="last owner"):
            accounts.set_user_active(user=last, is_active=False, by=owner, now=NOW)


class TestSetActive:
    def test_switches_an_account_off_and_ends_its_sessions(self, account, owner):
        make_sign_in(user=owner)
        others = make_sign_in()
        accounts.set_active(account=account, is_active=False, by=make_staff(), now=NOW)
        account.refresh_from_db()
        assert not account.is_active
        assert list(SignIn.objects.all()) == [others]
        accounts.set_active(account=account, is_active=False, by=None, now=NOW)
        assert verbs() == ["account.disabled"]

    def test_is_for_the_platform_only(self, account, owner):
        with pytest.raises(PermissionDenied):
            accounts.set_active(account=account, is_active=False, by=owner, now=NOW)


class TestCreateUser:
    def test_lets_nobody_create_somebody_above_themself(self, account, admin):
        with pytest.raises(PermissionDenied, match="above your own"):
            accounts.create_user(
                account=account, username="x", password="y", role=Role.OWNER, email="", by=admin, now=NOW
            )
