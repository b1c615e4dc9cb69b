"""
Appends audit events, inside the transaction of the service that acts.

It never holds a secret: callers pass names of changed fields and plain values only.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.db.models import Model

from registries.models import Account, AuditEvent, User
from registries.origin import client_address


class Verb(StrEnum):
    """Everything that is written to the audit log."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    REGION_CREATED = "region.created"
    REGION_UPDATED = "region.updated"
    BACKEND_CREATED = "backend.created"
    BACKEND_UPDATED = "backend.updated"
    INSTANCE_CREATED = "instance.created"
    INSTANCE_UPDATED = "instance.updated"
    INSTANCE_DELETED = "instance.deleted"
    HOOK_CREATED = "hook.created"
    HOOK_ROTATED = "hook.rotated"
    ACCESS_CREDENTIAL_ISSUED = "access_credential.issued"
    ACCESS_CREDENTIAL_CHANGED = "access_credential.changed"
    ACCESS_CREDENTIAL_DELETED = "access_credential.deleted"
    RULE_CREATED = "rule.created"
    RULE_UPDATED = "rule.updated"
    RULE_ENABLED = "rule.enabled"
    RULE_DISABLED = "rule.disabled"
    RULE_TRIGGERED = "rule.triggered"
    RULE_DELETED = "rule.deleted"
    EXECUTION_STOPPED = "execution.stopped"
    EXECUTION_RETRIED = "execution.retried"


def record(
    verb: Verb,
    *,
    by: User | None,
    target: Model,
    account: Account | None,
    now: datetime,
    changes: dict[str, Any] | None = None,
) -> AuditEvent:
    """Append one event; `account` is the tenant whose page shows it, None for the platform's own."""
    return AuditEvent.objects.create(
        happened_at=now,
        account=account,
        actor=by,
        actor_name=by.login if by else "platform",
        verb=verb,
        target_type=target._meta.model_name or "",
        target_id=str(target.pk),
        target_name=str(target)[:255],
        changes=changes or {},
        ip_address=client_address.get(),
    )
