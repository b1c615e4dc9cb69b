"""Grants: given by administrators, on instances of the user's own account, and never more than one holds."""

from datetime import UTC, datetime

import pytest
from django.core.exceptions import PermissionDenied

from registries import permissions
from registries.models import AuditEvent, Grant, Permission, Role, User
from registries.policies import Refused
from registries.services import grants
from tests.factories import make_grant, make_instance, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def instance():
    return make_instance()


@pytest.fixture
def viewer(instance):
    return make_user(account=instance.account, role=Role.VIEWER)


@pytest.fixture
def admin(instance):
    return make_user(account=instance.account, role=Role.ADMIN)


def give(user: User, instance, by: User | None, permission: str = Permission.SYNCHRONIZE):
    return grants.give(user=user, instance=instance, permission=permission, by=by, now=NOW)


class TestGive:
    def test_lets_the_user_do_it(self, viewer, instance, admin):
        give(viewer, instance, admin)
        assert permissions.can(viewer, Permission.SYNCHRONIZE, instance)
        assert not permissions.can(viewer, Permission.MANAGE, instance)

    def test_replaces_the_grant_on_the_same_instance(self, viewer, instance, admin):
        give(viewer, instance, admin)
        _grant, changes = give(viewer, instance, admin, Permission.PUSH)
        assert changes == {"permission": ["synchronize", "push"]}
        assert Grant.objects.get().permission == Permission.PUSH

    def test_writes_each_act_once(self, viewer, instance, admin):
        give(viewer, instance, admin)
        give(viewer, instance, admin)
        give(viewer, instance, admin, Permission.PUSH)
        grants.remove(grant=Grant.objects.get(), by=admin, now=NOW)
        assert list(AuditEvent.objects.order_by("pk").values_list("verb", flat=True)) == [
            "grant.created",
            "grant.changed",
            "grant.deleted",
        ]

    def test_is_not_for_users_without_the_role_even_if_they_manage_the_instance(self, viewer, instance):
        manager = make_user(account=instance.account, role=Role.OPERATOR)
        make_grant(user=manager, instance=instance, permission=Permission.MANAGE)
        for user in (viewer, manager):
            with pytest.raises(PermissionDenied):
                give(user, instance, manager)

    def test_is_not_for_another_account(self, viewer, instance):
        with pytest.raises(PermissionDenied):
            give(viewer, instance, make_user(role=Role.OWNER))

    def test_refuses_an_instance_of_another_account(self, viewer, admin):
        for by in (admin, None):
            with pytest.raises(Refused, match="no such instance"):
                give(viewer, make_instance(), by)

    def test_keeps_owners_from_administrators(self, instance, admin):
        with pytest.raises(PermissionDenied, match="Only an owner"):
            give(make_user(account=instance.account, role=Role.OWNER), instance, admin)


class TestRemove:
    def test_takes_it_back(self, viewer, instance, admin):
        grant, _changes = give(viewer, instance, admin)
        grants.remove(grant=grant, by=admin, now=NOW)
        assert not permissions.can(viewer, Permission.PUSH, instance)

    def test_is_for_administrators(self, viewer, instance, admin):
        grant, _changes = give(viewer, instance, admin)
        with pytest.raises(PermissionDenied):
            grants.remove(grant=grant, by=viewer, now=NOW)
