"""Creates and changes accounts, their users, and the platform's staff. Forms have validated the values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Account, User


@transaction.atomic
def create(*, uin: str, name: str, by: User | None, now: datetime) -> Account:
    """Create an account without users; raises PermissionDenied unless `by` acts for the platform."""
    _check_is_platform(by)
    account = Account.objects.create(uin=uin, name=name)
    audit.record(
        audit.Verb.ACCOUNT_CREATED, by=by, target=account, account=account, now=now, changes={"name": name}
    )
    return account


@transaction.atomic
def update(*, account: Account, name: str, by: User | None, now: datetime) -> dict[str, Any]:
    """
    Rename the account; return what changed as {field: [old, new]}.

    Raises PermissionDenied unless `by` may administer it.
    """
    permissions.check_can_administer(by, account)
    if account.name == name:
        return {}
    changes = {"name": [account.name, name]}
    account.name = name
    account.save(update_fields=["name"])
    audit.record(audit.Verb.ACCOUNT_UPDATED, by=by, target=account, account=account, now=now, changes=changes)
    return changes


@transaction.atomic
def create_user(
    *,
    account: Account,
    username: str,
    password: str,
    role: str,
    email: str,
    by: User | None,
    now: datetime,
) -> User:
    """Create a user of the account; raises PermissionDenied unless `by` may administer it."""
    permissions.check_can_administer(by, account)
    user = User.objects.create_user(
        username=username, account=account, password=password, role=role, email=email
    )
    audit.record(
        audit.Verb.USER_CREATED, by=by, target=user, account=account, now=now, changes={"role": role}
    )
    return user


@transaction.atomic
def create_staff(*, username: str, password: str, email: str, by: User | None, now: datetime) -> User:
    """Create a member of the platform's staff; raises PermissionDenied unless `by` acts for the platform."""
    _check_is_platform(by)
    user = User.objects.create_superuser(login=username, password=password, email=email)
    audit.record(
        audit.Verb.USER_CREATED, by=by, target=user, account=None, now=now, changes={"role": "staff"}
    )
    return user


@transaction.atomic
def update_user(
    *, user: User, values: dict[str, Any], password: str | None, by: User | None, now: datetime
) -> dict[str, Any]:
    """
    Change fields of the user; return what changed as {field: [old, new]}. A password of None is kept.

    Raises PermissionDenied unless `by` may administer the user's account (for staff: acts for the platform).
    """
    if user.account:
        permissions.check_can_administer(by, user.account)
    else:
        _check_is_platform(by)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(user, name)
        if old != value:
            changes[name] = [str(old), str(value)]
            setattr(user, name, value)
    if password is not None:
        changes["password"] = ["", "changed"]
        user.set_password(password)
    if changes:
        user.save()
        audit.record(
            audit.Verb.USER_UPDATED, by=by, target=user, account=user.account, now=now, changes=changes
        )
    return changes


def _check_is_platform(by: User | None) -> None:
    if not permissions.is_platform(by):
        raise PermissionDenied(_("Only the platform's staff may do this."))
