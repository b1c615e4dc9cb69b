"""Creates, changes and deletes instances. Forms have validated the values; permissions are re-checked here."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from registries import audit, naming, permissions, policies, quotas
from registries.models import (
    Account,
    Credential,
    Edition,
    Health,
    Instance,
    InstanceKind,
    Permission,
    User,
)
from registries.services import backends, contents
from registries.vault import VaultError

_AUDITED = ("name", "edition", "region", "endpoint_url", "verify_tls", "is_deletion_protected")
_AUDITED_IF_HOSTED = ("name", "edition", "region", "is_deletion_protected")


@transaction.atomic
def create_connected(
    *,
    account: Account,
    values: dict[str, Any],
    username: str,
    password: str,
    by: User | None,
    now: datetime,
) -> Instance:
    """
    Create an instance for a registry that exists elsewhere; an empty username means anonymous.

    `values` are fields of Instance. Raises PermissionDenied unless `by` may administer the account, and
    QuotaExceeded if it has enough instances of the edition.
    """
    permissions.check_can_administer(by, account)
    quotas.check_room_for_instance(account, values.get("edition", Edition.STANDARD))
    instance = Instance.objects.create(account=account, **values)
    _store_credential(instance, username, password)
    audit.record(
        audit.Verb.INSTANCE_CREATED,
        by=by,
        target=instance,
        account=account,
        now=now,
        changes={name: str(getattr(instance, name)) for name in _AUDITED},
    )
    return instance


@transaction.atomic
def create_hosted(*, account: Account, values: dict[str, Any], by: User | None, now: datetime) -> Instance:
    """
    Create an instance in the emptiest backend of its region, under a path prefix of its own.

    `values` are fields of Instance, without any of a connection. Raises PermissionDenied unless `by` may
    administer the account, QuotaExceeded as `create_connected` does, and UnsupportedRegion if the region has no room.
    """
    permissions.check_can_administer(by, account)
    quotas.check_room_for_instance(account, values.get("edition", Edition.STANDARD))
    backend = backends.choose(values["region"])
    instance = Instance.objects.create(
        account=account,
        kind=InstanceKind.HOSTED,
        backend=backend,
        prefix=naming.new_path_prefix(),
        health=backend.health,
        health_checked_at=backend.health_checked_at,
        **values,
    )
    audit.record(
        audit.Verb.INSTANCE_CREATED,
        by=by,
        target=instance,
        account=account,
        now=now,
        changes={name: str(getattr(instance, name)) for name in (*_AUDITED_IF_HOSTED, "kind")},
    )
    return instance


@transaction.atomic
def update(
    *,
    instance: Instance,
    values: dict[str, Any],
    username: str,
    password: str | None,
    by: User | None,
    now: datetime,
) -> dict[str, Any]:
    """
    Change fields of the instance; return those that changed, as {field: [old, new]}.

    `password` None keeps the stored one, unless the endpoint's address changes: then the stored secret is
    cleared, so that it can't be sent to a server that its owner didn't mean (Harbor PR 23671).

    Raises PermissionDenied, Refused if the edition would go down or the region cannot change, and QuotaExceeded for
    the new edition.
    """
    permissions.check(by, Permission.MANAGE, instance)
    policies.check_can_change_region(instance, values.get("region", instance.region))
    if "edition" in values:
        policies.check_can_change_edition(instance, values["edition"])
        if values["edition"] != instance.edition:
            quotas.check_room_for_instance(instance.account, values["edition"])
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(instance, name)
        if old != value:
            changes[name] = [str(old), str(value)]
            setattr(instance, name, value)
    stored_fields = list(changes)
    stored = Credential.objects.filter(instance=instance).first()
    if "endpoint_url" in changes:
        instance.health, instance.health_detail = Health.UNKNOWN, ""
        stored_fields += ["health", "health_detail"]
        if password is None and stored:
            password = ""
    if _credential_differs(stored, username, password):
        changes["credential"] = ["", "changed"]
        _store_credential(instance, username, password or "", keep=password is None)
    if changes:
        instance.save(update_fields=stored_fields)
        audit.record(
            audit.Verb.INSTANCE_UPDATED,
            by=by,
            target=instance,
            account=instance.account,
            now=now,
            changes=changes,
        )
    return changes


def delete(*, instance: Instance, by: User | None, now: datetime) -> None:
    """
    Delete the instance with its credentials and logs; what a connected registry holds is not touched.

    The content of a hosted one must be gone before, as nobody could reach it any more: its backend is asked, which
    takes a while.

    Raises PermissionDenied, and Refused naming everything that still uses it.
    """
    permissions.check(by, Permission.MANAGE, instance)
    obstacles = list_obstacles(instance=instance, now=now)
    if obstacles:
        raise policies.Refused(" ".join(obstacles))
    _delete(instance, by, now)


def list_obstacles(*, instance: Instance, now: datetime) -> list[str]:
    """
    Return all that stands in the way of deleting the instance, as sentences: of the policies, and images it hosts.

    Asks the backend of a hosted instance, as `delete` does: not inside a transaction.
    """
    found = policies.list_obstacles(instance, now=now)
    content = contents.find_obstacle(instance) if instance.backend is not None else ""
    return [*found, content] if content else found


def record_health(*, instance: Instance, health: Health, detail: str, now: datetime) -> None:
    """Store what the last connection said; safe to repeat."""
    Instance.objects.filter(pk=instance.pk).update(
        health=health, health_detail=detail[:500], health_checked_at=now
    )


@transaction.atomic
def _delete(instance: Instance, by: User | None, now: datetime) -> None:
    policies.check_can_delete(instance, now=now)
    audit.record(audit.Verb.INSTANCE_DELETED, by=by, target=instance, account=instance.account, now=now)
    try:
        with transaction.atomic():
            instance.delete()
    except (ProtectedError, IntegrityError):
        raise policies.Refused(_("Something began to use the instance just now. Try again.")) from None


def _credential_differs(stored: Credential | None, username: str, password: str | None) -> bool:
    if stored is None:
        return bool(username)
    if not username or stored.username != username:
        return True
    return password is not None and not _is_password(stored, password)


def _is_password(stored: Credential, password: str) -> bool:
    try:
        return stored.open_password() == password
    except VaultError:  # its key is lost: whatever comes now replaces it
        return False


def _store_credential(instance: Instance, username: str, password: str, *, keep: bool = False) -> None:
    credential = Credential.objects.filter(instance=instance).first()
    if not username:
        if credential:
            credential.delete()
        return
    credential = credential or Credential(instance=instance)
    credential.username = username
    if not keep:
        credential.seal_password(password)
    credential.save()
