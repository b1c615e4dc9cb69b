"""
Changes, switches and deletes issued access credentials.

Whoever manages the instance may, and so may the issuer of a credential, as far as their rights still reach.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import AccessCredential, Permission, User
from registries.policies import Refused
from registries.services import access_credentials

_CHANGEABLE = ("description", "namespaces", "permissions", "expires_at")


@transaction.atomic
def change(
    *,
    credential: AccessCredential,
    values: Mapping[str, Any],
    by: User | None,
    now: datetime,
    secret: str | None = None,
) -> dict[str, Any]:
    """
    Change fields, and with a secret what opens it; return what changed as {field: [old, new]}.

    `values` may hold `description`, `namespaces`, `permissions` and `expires_at` (None: never).

    Raises PermissionDenied unless `by` may change it, and Refused if the end of a temporary one would move.
    """
    check_can_change(by, credential)
    changes: dict[str, Any] = {}
    for name in _CHANGEABLE:
        old = getattr(credential, name)
        if name in values and values[name] != old:
            changes[name] = [_shown(old), _shown(values[name])]
            setattr(credential, name, values[name])
    if credential.is_temporary and "expires_at" in changes:
        raise Refused(
            _("A temporary credential ends when it ends. Issue a long-term one."), field="expires_at"
        )
    check_can_change(by, credential)  # with the rights that it has now
    if secret is not None and not credential.has_secret(secret):
        changes["secret"] = ["", "changed"]
        credential.store_secret(secret)
    if changes:
        credential.save()
        _note(audit.Verb.ACCESS_CREDENTIAL_CHANGED, credential, by, now, changes)
    return changes


@transaction.atomic
def set_enabled(*, credential: AccessCredential, is_enabled: bool, by: User | None, now: datetime) -> None:
    """
    Switch the credential on or off; safe to repeat. Rules that present it heal within their retry window.

    Raises PermissionDenied unless `by` may change it; its issuer may always switch it off.
    """
    if is_enabled:
        check_can_change(by, credential)
    else:
        check_can_withdraw(by, credential)
    others = AccessCredential.objects.filter(pk=credential.pk).exclude(is_enabled=is_enabled)
    credential.is_enabled = is_enabled
    if others.update(is_enabled=is_enabled):
        verb = audit.Verb.ACCESS_CREDENTIAL_ENABLED if is_enabled else audit.Verb.ACCESS_CREDENTIAL_DISABLED
        _note(verb, credential, by, now)


@transaction.atomic
def delete(*, credential: AccessCredential, by: User | None, now: datetime) -> None:
    """
    Delete the credential; whatever presents it is refused from now on.

    Raises PermissionDenied unless `by` may change it, or issued it.
    """
    check_can_withdraw(by, credential)
    _note(audit.Verb.ACCESS_CREDENTIAL_DELETED, credential, by, now)
    credential.delete()


def can_change(by: User | None, credential: AccessCredential) -> bool:
    """Tell whether `by` may change the credential, as it is."""
    if permissions.can(by, Permission.MANAGE, credential.instance):
        return True
    right = access_credentials.needed_right(credential)
    return _is_issuer(by, credential) and permissions.can(by, right, credential.instance)


def check_can_change(by: User | None, credential: AccessCredential) -> None:
    """Raise PermissionDenied unless `by` may change the credential."""
    if not can_change(by, credential):
        raise PermissionDenied(_("Only who issued this credential, or manages the instance, may change it."))


def check_can_withdraw(by: User | None, credential: AccessCredential) -> None:
    """Raise PermissionDenied unless `by` may switch off and delete it: its issuer may, rights lost or not."""
    if not _is_issuer(by, credential):
        check_can_change(by, credential)


def _is_issuer(by: User | None, credential: AccessCredential) -> bool:
    return (
        by is not None
        and credential.created_by_id == by.pk
        and permissions.can(by, Permission.VIEW, credential.instance)
    )


def _shown(value: object) -> object:
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return value.isoformat() if isinstance(value, datetime) else value


def _note(
    verb: audit.Verb,
    credential: AccessCredential,
    by: User | None,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> None:
    audit.record(
        verb, by=by, target=credential, account=credential.instance.account, now=now, changes=changes
    )
