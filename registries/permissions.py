"""
WHO may: from role and grant to permission.

`by` is the acting user; None is the platform itself (a command line, a worker). `check_…` raises
PermissionDenied, `can` tells. WHEN something is possible is `policies.py`.
"""

from __future__ import annotations

from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _

from registries.models import Account, Grant, Instance, Permission, Role, User

_LADDER = [Permission.VIEW, Permission.PUSH, Permission.SYNCHRONIZE, Permission.MANAGE]
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


def _is_member(by: User, account_id: int) -> bool:
    return by.is_active and by.account is not None and by.account_id == account_id and by.account.is_active
