"""Creates and changes what the platform's operator provides: regions and backends."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Model

from registries import audit, permissions, policies
from registries.models import Backend, Credential, Health, Region, User

_CONNECTION = {"endpoint_url", "verify_tls", "ca_pem", "credential"}


@transaction.atomic
def create_region(*, values: dict[str, Any], by: User | None, now: datetime) -> Region:
    """Create a region; raises PermissionDenied unless `by` acts for the platform."""
    permissions.check_is_platform(by)
    region = Region.objects.create(**values)
    audit.record(
        audit.Verb.REGION_CREATED,
        by=by,
        target=region,
        account=None,
        now=now,
        changes={"name": values["name_en"]},
    )
    return region


@transaction.atomic
def update_region(
    *, region: Region, values: dict[str, Any], by: User | None, now: datetime
) -> dict[str, Any]:
    """
    Change fields of the region; return what changed as {field: [old, new]}.

    Raises PermissionDenied unless `by` acts for the platform.
    """
    permissions.check_is_platform(by)
    changes = _assign(region, values)
    if changes:
        region.save()
        audit.record(audit.Verb.REGION_UPDATED, by=by, target=region, account=None, now=now, changes=changes)
    return changes


@transaction.atomic
def create_backend(
    *, values: dict[str, Any], credential: tuple[str, str | None], by: User | None, now: datetime
) -> Backend:
    """
    Attach a registry to a region; `credential` is username and password, ("", None) for none.

    Raises PermissionDenied unless `by` acts for the platform.
    """
    permissions.check_is_platform(by)
    backend = Backend.objects.create(**values)
    _store_credential(backend, *credential)
    audit.record(
        audit.Verb.BACKEND_CREATED,
        by=by,
        target=backend,
        account=None,
        now=now,
        changes={"endpoint_url": backend.endpoint_url, "region": backend.region.code},
    )
    return backend


@transaction.atomic
def update_backend(
    *,
    backend: Backend,
    values: dict[str, Any],
    credential: tuple[str, str | None],
    by: User | None,
    now: datetime,
) -> dict[str, Any]:
    """
    Change fields and credential of the backend; return what changed as {field: [old, new]}.

    A password of None keeps the stored one, unless the address changes: then it is cleared. What was known of its
    health is forgotten when the connection changes.

    Raises PermissionDenied unless `by` acts for the platform, and Refused for another region while something lives
    in it.
    """
    permissions.check_is_platform(by)
    policies.check_can_move_backend(backend, values.get("region", backend.region))
    changes = _assign(backend, values)
    username, password = credential
    if password is None and "endpoint_url" in changes:
        password = ""  # the stored one was not meant for another server
    if _store_credential(backend, username, password):
        changes["credential"] = ["", "changed"]
    if changes.keys() & _CONNECTION:
        backend.health, backend.health_detail = Health.UNKNOWN, ""
    if changes:
        backend.save()
        audit.record(
            audit.Verb.BACKEND_UPDATED, by=by, target=backend, account=None, now=now, changes=changes
        )
    return changes


def _assign(row: Model, values: dict[str, Any]) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name, value in values.items():
        old = getattr(row, name)
        if old != value:
            changes[name] = [str(old), str(value)]
            setattr(row, name, value)
    return changes


def _store_credential(backend: Backend, username: str, password: str | None) -> bool:
    """Store, change or remove the credential; return whether anything was different before."""
    stored = Credential.objects.filter(backend=backend).first()
    if not username:
        if stored:
            stored.delete()
        return stored is not None
    if stored and stored.username == username and (password is None or stored.open_password() == password):
        return False
    credential = stored or Credential(backend=backend)
    credential.username = username
    if password is not None:
        credential.seal_password(password)
    credential.save()
    return True
