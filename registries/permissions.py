"""
WHO may: from role and grant to permission.

`by` is the acting user; None is the platform itself (a command line, a worker). `check_…` raises
PermissionDenied, `can` tells. WHEN something is possible is `policies.py`.

Every member of an account sees all of its instances and rules, whatever the role: a viewer may view, an operator
may push and synchronize as well, administrators and owners manage. A grant lifts its user on one instance
and never takes anything away. `visible_to` of the models keeps exactly what may be viewed.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from registries.models import Account, Grant, Instance, Permission, Role, User

_LADDER = [Permission.VIEW, Permission.PUSH, Permission.SYNCHRONIZE, Permission.MANAGE]
_RANKS = [Role.VIEWER, Role.OPERATOR, Role.ADMIN, Role.OWNER]
_OF_ROLE = {
    Role.VIEWER: Permission.VIEW,
    Role.OPERATOR: Permission.SYNCHRONIZE,
    Role.ADMIN: Permission.MANAGE,
    Role.OWNER: Permission.MANAGE,
}


def is_platform(by: User | None) -> bool:
    """Return whether `by` acts for the platform: a command, a worker, or staff without an account."""
    return by is None or (by.is_active and by.is_staff and by.account_id is None)


def can(by: User | None, permission: Permission, instance: Instance) -> bool:
    """Return whether `by` holds the permission on the instance, by role or by grant."""
    if by is None or is_platform(by):
        return True
    if not _is_member(by, instance.account_id):
        return False
    if _LADDER.index(_OF_ROLE[Role(by.role)]) >= _LADDER.index(permission):
        return True
    grant = Grant.objects.filter(user=by, instance=instance).first()
    return grant is not None and _LADDER.index(Permission(grant.permission)) >= _LADDER.index(permission)


def check(by: User | None, permission: Permission, instance: Instance) -> None:
    """Raise PermissionDenied unless `by` holds the permission on the instance."""
    if not can(by, permission, instance):
        raise PermissionDenied(_("Your role does not allow this on this instance."))


def can_administer(by: User | None, account: Account) -> bool:
    """Return whether `by` may create instances and users in the account."""
    if by is None or is_platform(by):
        return True
    return _is_member(by, account.pk) and by.role in {Role.OWNER, Role.ADMIN}


def check_can_administer(by: User | None, account: Account) -> None:
    """Raise PermissionDenied unless `by` may administer the account."""
    if not can_administer(by, account):
        raise PermissionDenied(_("Only owners and administrators of the account may do this."))


def can_give_role(by: User | None, role: str, account: Account) -> bool:
    """Return whether `by` may make somebody of the account this: nobody gives a role above their own."""
    if by is None or is_platform(by):
        return True
    return can_administer(by, account) and _RANKS.index(Role(by.role)) >= _RANKS.index(Role(role))


def check_can_give_role(by: User | None, role: str, account: Account) -> None:
    """Raise PermissionDenied unless `by` may give the role in the account."""
    check_can_administer(by, account)
    if not can_give_role(by, role, account):
        raise PermissionDenied(_("You cannot give a role above your own."))


def can_administer_user(by: User | None, user: User) -> bool:
    """Return whether `by` may change the user: administrators of the account, but no owner unless they are one."""
    if user.account is None:
        return is_platform(by)
    return can_give_role(by, user.role, user.account)


def check_can_administer_user(by: User | None, user: User) -> None:
    """Raise PermissionDenied unless `by` may change the user."""
    if user.account is None:
        check_is_platform(by)
        return
    check_can_administer(by, user.account)
    if not can_administer_user(by, user):
        raise PermissionDenied(_("Only an owner of the account may change an owner."))


def check_is_platform(by: User | None) -> None:
    """Raise PermissionDenied unless `by` acts for the platform."""
    if not is_platform(by):
        raise PermissionDenied(_("Only the platform's staff may do this."))


def _is_member(by: User, account_id: int) -> bool:
    return by.is_active and by.account is not None and by.account_id == account_id and by.account.is_active
