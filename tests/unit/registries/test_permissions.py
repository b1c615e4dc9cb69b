"""Who may do what: the table of roles, grants that lift it, and everybody from outside."""

import pytest
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.test.utils import CaptureQueriesContext

from registries import permissions
from registries.models import Account, Instance, Permission, Role, User
from tests.factories import make_account, make_grant, make_instance, make_staff, make_user

pytestmark = pytest.mark.django_db

VIEW, PUSH, SYNCHRONIZE, MANAGE = Permission.VIEW, Permission.PUSH, Permission.SYNCHRONIZE, Permission.MANAGE
TABLE = {
    Role.VIEWER: {VIEW},
    Role.OPERATOR: {VIEW, PUSH, SYNCHRONIZE},
    Role.ADMIN: {VIEW, PUSH, SYNCHRONIZE, MANAGE},
    Role.OWNER: {VIEW, PUSH, SYNCHRONIZE, MANAGE},
}
LADDER = [VIEW, PUSH, SYNCHRONIZE, MANAGE]


def held(user: User | None, instance) -> set[Permission]:
    return {permission for permission in Permission if permissions.can(user, permission, instance)}


@pytest.fixture
def instance():
    return make_instance()


class TestCan:
    @pytest.mark.parametrize("role", Role.values)
    def test_follows_the_role_in_the_account(self, instance, role):
        assert held(make_user(account=instance.account, role=role), instance) == TABLE[Role(role)]

    @pytest.mark.parametrize("role", Role.values)
    def test_gives_another_tenant_nothing(self, instance, role):
        assert held(make_user(role=role), instance) == set()

    @pytest.mark.parametrize("granted", Permission.values)
    def test_lets_a_grant_lift_a_viewer_to_its_rung(self, instance, granted):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=instance, permission=granted)
        assert held(viewer, instance) == set(LADDER[: LADDER.index(Permission(granted)) + 1])

    def test_never_lets_a_grant_take_away_what_the_role_gives(self, instance):
        owner = make_user(account=instance.account, role=Role.OWNER)
        make_grant(user=owner, instance=instance, permission=VIEW)
        assert held(owner, instance) == TABLE[Role.OWNER]

    def test_keeps_a_grant_to_its_instance(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        make_grant(user=viewer, instance=make_instance(account=instance.account), permission=MANAGE)
        assert held(viewer, instance) == {VIEW}

    def test_ignores_a_grant_across_tenants(self, instance):
        stranger = make_user(role=Role.VIEWER)
        make_grant(user=stranger, instance=instance, permission=MANAGE)
        assert held(stranger, instance) == set()

    def test_gives_an_inactive_user_nothing_whatever_role_and_grant(self, instance):
        user = make_user(account=instance.account, role=Role.OWNER, is_active=False)
        make_grant(user=user, instance=instance, permission=MANAGE)
        assert held(user, instance) == set()

    def test_gives_the_users_of_a_switched_off_account_nothing(self, instance):
        user = make_user(account=instance.account, role=Role.OWNER)
        Account.objects.filter(pk=instance.account_id).update(is_active=False)
        assert held(User.objects.get(pk=user.pk), instance) == set()

    def test_gives_the_platform_and_its_staff_everything(self, instance):
        assert held(None, instance) == set(Permission)
        assert held(make_staff(), instance) == set(Permission)

    def test_gives_inactive_staff_nothing(self, instance):
        assert held(make_staff(is_active=False), instance) == set()

    def test_does_not_take_a_tenant_s_user_for_staff_because_of_the_flag(self, instance):
        insider = make_user(role=Role.OWNER, is_staff=True, is_superuser=True)
        assert held(insider, instance) == set()

    def test_asks_the_database_for_no_grant_where_the_role_suffices(self, instance):
        owner = make_user(account=instance.account)
        with CaptureQueriesContext(connection) as queries:
            assert permissions.can(owner, MANAGE, instance)
        assert len(queries) == 0


class TestCheck:
    def test_raises_where_can_says_no(self, instance):
        viewer = make_user(account=instance.account, role=Role.VIEWER)
        with pytest.raises(PermissionDenied, match="role"):
            permissions.check(viewer, PUSH, instance)

    def test_passes_where_can_says_yes(self, instance):
        permissions.check(make_user(account=instance.account), MANAGE, instance)
        permissions.check(None, MANAGE, instance)


class TestCanAdminister:
    @pytest.mark.parametrize("role", Role.values)
    def test_is_for_owners_and_administrators_of_the_account(self, role):
        user = make_user(role=role)
        assert user.account is not None
        assert permissions.can_administer(user, user.account) == (role in {Role.OWNER, Role.ADMIN})

    def test_is_not_for_owners_of_another_account(self):
        assert not permissions.can_administer(make_user(), make_account())

    def test_is_not_lifted_by_a_grant(self, instance):
        operator = make_user(account=instance.account, role=Role.OPERATOR)
        make_grant(user=operator, instance=instance, permission=MANAGE)
        assert not permissions.can_administer(operator, instance.account)

    def test_is_not_for_inactive_users(self):
        owner = make_user(is_active=False)
        assert owner.account is not None
        assert not permissions.can_administer(owner, owner.account)

    def test_is_for_the_platform(self):
        assert permissions.can_administer(None, make_account())
        assert permissions.can_administer(make_staff(), make_account())

    def test_check_raises_for_the_others(self):
        permissions.check_can_administer(None, make_account())
        with pytest.raises(PermissionDenied, match="administrators"):
            permissions.check_can_administer(make_user(), make_account())


class TestCanGiveRole:
    @pytest.mark.parametrize(
        ("role", "given"),
        [
            (Role.OWNER, {Role.OWNER, Role.ADMIN, Role.OPERATOR, Role.VIEWER}),
            (Role.ADMIN, {Role.ADMIN, Role.OPERATOR, Role.VIEWER}),
            (Role.OPERATOR, set()),
            (Role.VIEWER, set()),
        ],
    )
    def test_ends_at_the_own_role(self, role, given):
        user = make_user(role=role)
        assert user.account is not None
        assert {one for one in Role if permissions.can_give_role(user, one, user.account)} == given
        assert not permissions.can_give_role(user, Role.VIEWER, make_account())

    def test_is_anything_for_the_platform(self):
        assert permissions.can_give_role(None, Role.OWNER, make_account())
        assert permissions.can_give_role(make_staff(), Role.OWNER, make_account())


class TestCanAdministerUser:
    def test_keeps_owners_for_owners(self, instance):
        owner, admin, viewer = (
            make_user(account=instance.account, role=role) for role in (Role.OWNER, Role.ADMIN, Role.VIEWER)
        )
        assert permissions.can_administer_user(owner, admin)
        assert permissions.can_administer_user(admin, viewer)
        assert not permissions.can_administer_user(admin, owner)
        assert not permissions.can_administer_user(viewer, viewer)
        assert not permissions.can_administer_user(make_user(), viewer)

    def test_keeps_staff_for_the_platform(self):
        assert permissions.can_administer_user(make_staff(), make_staff())
        assert not permissions.can_administer_user(make_user(), make_staff())


class TestVisibleTo:
    @pytest.mark.parametrize("is_account_active", [True, False])
    @pytest.mark.parametrize("is_active", [True, False])
    @pytest.mark.parametrize("who", [*Role.values, "stranger", "staff", "staff of an account"])
    def test_shows_exactly_what_may_be_viewed(self, instance, who, is_active, is_account_active):
        if who == "staff":
            user = make_staff(is_active=is_active)
        else:
            user = make_user(
                account=None if who.startswith("st") else instance.account,
                role=who if who in Role.values else Role.OWNER,
                is_active=is_active,
                is_staff=who.startswith("staff"),
            )
        Account.objects.update(is_active=is_account_active)
        user = User.objects.get(pk=user.pk)
        is_visible = Instance.objects.visible_to(user).filter(pk=instance.pk).exists()
        assert is_visible == permissions.can(user, VIEW, instance)

    def test_keeps_users_and_accounts_to_their_own(self, instance):
        owner, stranger = make_user(account=instance.account), make_user()
        assert list(User.objects.visible_to(owner)) == [owner]
        assert list(Account.objects.visible_to(owner)) == [owner.account]
        assert set(User.objects.visible_to(make_staff())) == {owner, stranger}
        Account.objects.update(is_active=False)
        assert not User.objects.visible_to(owner).exists()


class TestIsPlatform:
    def test_needs_active_staff_without_an_account(self):
        assert permissions.is_platform(None)
        assert permissions.is_platform(make_staff())
        assert not permissions.is_platform(make_staff(is_active=False))
        assert not permissions.is_platform(make_user(is_staff=True))
        assert not permissions.is_platform(make_user())
