"""Creates and changes accounts, their users, and the platform's staff. Forms have validated the values."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Account, PasswordReset, Role, User
from registries.policies import Refused
from registries.services import sign_ins


@transaction.atomic
def create(*, uin: str, name: str, by: User | None, now: datetime) -> Account:
    """Create an account without users; raises PermissionDenied unless `by` acts for the platform."""
    permissions.check_is_platform(by)
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
def set_active(*, account: Account, is_active: bool, by: User | None, now: datetime) -> None:
    """
    Switch the account off or on; switched off, nobody of it can sign in and open sessions end.

    Safe to repeat. Raises PermissionDenied unless `by` acts for the platform.
    """
    permissions.check_is_platform(by)
    if not Account.objects.filter(pk=account.pk, is_active=not is_active).update(is_active=is_active):
        return
    account.is_active = is_active
    if not is_active:
        sign_ins.end_all_of_account(account)
    verb = audit.Verb.ACCOUNT_ENABLED if is_active else audit.Verb.ACCOUNT_DISABLED
    changes = {"is_active": [str(not is_active), str(is_active)]}
    audit.record(verb, by=by, target=account, account=account, now=now, changes=changes)


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
    """Create a user of the account; raises PermissionDenied unless `by` may give the role in it."""
    permissions.check_can_give_role(by, role, account)
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
    permissions.check_is_platform(by)
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
    Change role or email of the user; return what changed as {field: [old, new]}. A password of None is kept.

    A new password ends the user's sessions.

    Raises PermissionDenied unless `by` may change the user and give the role, and Refused if the account would
    lose its last owner.
    """
    _lock(user)
    permissions.check_can_administer_user(by, user)
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(user, name)
        if old != value:
            changes[name] = [str(old), str(value)]
    if "role" in changes and user.account:
        permissions.check_can_give_role(by, values["role"], user.account)
        _check_leaves_an_owner(user, by, field="role")
    for name in changes:
        setattr(user, name, values[name])
    if password is not None:
        changes["password"] = ["", "changed"]
        user.set_password(password)
        PasswordReset.objects.filter(user=user).delete()
        sign_ins.end_all(user)
    if changes:
        user.save(update_fields=list(changes))
        audit.record(
            audit.Verb.USER_UPDATED, by=by, target=user, account=user.account, now=now, changes=changes
        )
    return changes


@transaction.atomic
def set_user_active(*, user: User, is_active: bool, by: User | None, now: datetime) -> None:
    """
    Enable or disable the user; disabling ends all their sessions at once. Safe to repeat.

    Raises PermissionDenied unless `by` may change the user, and Refused for oneself and for the last owner.
    """
    _lock(user)
    permissions.check_can_administer_user(by, user)
    if user.is_active == is_active:
        return
    if not is_active:
        if user == by:
            raise Refused(_("You cannot disable yourself."))
        _check_leaves_an_owner(user, by)
        sign_ins.end_all(user)
    user.is_active = is_active
    user.save(update_fields=["is_active"])
    verb = audit.Verb.USER_ENABLED if is_active else audit.Verb.USER_DISABLED
    changes = {"is_active": [str(not is_active), str(is_active)]}
    audit.record(verb, by=by, target=user, account=user.account, now=now, changes=changes)


def _lock(user: User) -> None:
    """Read the user anew, and let changes to users of one account happen one after the other."""
    if user.account_id is not None:
        Account.objects.select_for_update().get(pk=user.account_id)
    user.refresh_from_db(fields=["role", "email", "is_active", "password"])


def _check_leaves_an_owner(user: User, by: User | None, *, field: str | None = None) -> None:
    """
    Raise Refused if the user is the last owner of the account who can sign in; `user` is as it was before.

    The platform may do it: it is who gives an account a new owner.
    """
    if user.account is None or user.role != Role.OWNER or permissions.is_platform(by):
        return
    if not User.objects.able_owners(user.account).exclude(pk=user.pk).exists():
        raise Refused(
            _("%(user)s is the last owner of the account who can sign in. Make somebody else an owner first.")
            % {"user": user.username},
            field=field,
        )
