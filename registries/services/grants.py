"""Gives users permissions on single instances, and takes them back."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Grant, Instance, Permission, User
from registries.policies import Refused


@transaction.atomic
def give(
    *, user: User, instance: Instance, permission: str, by: User | None, now: datetime
) -> tuple[Grant, dict[str, Any]]:
    """
    Let the user have the permission on the instance, instead of an earlier grant on it.

    Return the grant, and what changed of an earlier one as {field: [old, new]}.

    Raises PermissionDenied unless `by` may change the user and holds the permission on the instance, and
    Refused if the instance is not of the user's account.
    """
    permissions.check_can_administer_user(by, user)
    if user.account_id is None or user.account_id != instance.account_id:
        raise Refused(_("There is no such instance in the user's account."), field="instance_id")
    permissions.check(by, Permission(permission), instance)
    grant, is_new = Grant.objects.select_for_update().get_or_create(
        user=user, instance=instance, defaults={"permission": permission}
    )
    changes: dict[str, Any] = {}
    if is_new:
        _record(audit.Verb.GRANT_CREATED, grant, {"permission": permission}, by, now)
    elif grant.permission != permission:
        changes = {"permission": [grant.permission, permission]}
        grant.permission = permission
        grant.save(update_fields=["permission"])
        _record(audit.Verb.GRANT_CHANGED, grant, changes, by, now)
    return grant, changes


@transaction.atomic
def remove(*, grant: Grant, by: User | None, now: datetime) -> None:
    """Take the grant back; raises PermissionDenied unless `by` may change its user."""
    permissions.check_can_administer_user(by, grant.user)
    _record(audit.Verb.GRANT_DELETED, grant, {"permission": grant.permission}, by, now)
    grant.delete()


def _record(verb: audit.Verb, grant: Grant, changes: dict[str, Any], by: User | None, now: datetime) -> None:
    audit.record(verb, by=by, target=grant, account=grant.instance.account, now=now, changes=changes)
