"""
Appends audit events, inside the transaction of the service that acts; lists them, and ends them in time.

It never holds a secret: callers pass names of changed fields and plain values only.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Model, Q

from registries.models import Account, AuditEvent, User
from registries.models.audit_event import AuditEventQuerySet
from registries.origin import client_address

_BATCH = 500


class Verb(StrEnum):
    """Everything that is written to the audit log."""

    ACCOUNT_CREATED = "account.created"
    ACCOUNT_UPDATED = "account.updated"
    ACCOUNT_ENABLED = "account.enabled"
    ACCOUNT_DISABLED = "account.disabled"
    USER_CREATED = "user.created"
    USER_UPDATED = "user.updated"
    USER_ENABLED = "user.enabled"
    USER_DISABLED = "user.disabled"
    INVITATION_CREATED = "invitation.created"
    INVITATION_DELETED = "invitation.deleted"
    INVITATION_ACCEPTED = "invitation.accepted"
    PASSWORD_CHANGED = "password.changed"  # noqa: S105  # a verb
    PASSWORD_RESET = "password.reset"  # noqa: S105  # a verb
    PASSWORD_CHOSEN = "password.chosen"  # noqa: S105  # a verb
    GRANT_CREATED = "grant.created"
    GRANT_CHANGED = "grant.changed"
    GRANT_DELETED = "grant.deleted"
    SESSION_STARTED = "session.started"
    SESSION_REFUSED = "session.refused"
    SESSION_ENDED = "session.ended"
    REGION_CREATED = "region.created"
    REGION_UPDATED = "region.updated"
    BACKEND_CREATED = "backend.created"
    BACKEND_UPDATED = "backend.updated"
    REPLICA_CREATED = "replica.created"
    REPLICA_DELETED = "replica.deleted"
    INSTANCE_CREATED = "instance.created"
    INSTANCE_UPDATED = "instance.updated"
    INSTANCE_DELETED = "instance.deleted"
    NAMESPACE_CREATED = "namespace.created"
    NAMESPACE_UPDATED = "namespace.updated"
    NAMESPACE_DELETED = "namespace.deleted"
    REPOSITORY_DELETED = "repository.deleted"
    IMAGE_DELETED = "image.deleted"
    HOOK_CREATED = "hook.created"
    HOOK_ROTATED = "hook.rotated"
    API_KEY_CREATED = "api_key.created"
    API_KEY_ENABLED = "api_key.enabled"
    API_KEY_DISABLED = "api_key.disabled"
    API_KEY_DELETED = "api_key.deleted"
    API_TOKEN_ISSUED = "api_token.issued"  # noqa: S105  # a verb
    API_TOKEN_REVOKED = "api_token.revoked"  # noqa: S105  # a verb
    ACCESS_CREDENTIAL_ISSUED = "access_credential.issued"
    ACCESS_CREDENTIAL_CHANGED = "access_credential.changed"
    ACCESS_CREDENTIAL_ENABLED = "access_credential.enabled"
    ACCESS_CREDENTIAL_DISABLED = "access_credential.disabled"
    ACCESS_CREDENTIAL_DELETED = "access_credential.deleted"
    RULE_CREATED = "rule.created"
    RULE_UPDATED = "rule.updated"
    RULE_ENABLED = "rule.enabled"
    RULE_DISABLED = "rule.disabled"
    RULE_TRIGGERED = "rule.triggered"
    RULE_DELETED = "rule.deleted"
    REPLICA_CHECKED = "replica.checked"
    REPLICA_REPAIRED = "replica.repaired"
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
    actor_name: str = "platform",
) -> AuditEvent:
    """
    Append one event; `account` is the tenant whose page shows it, None for the platform's own.

    `actor_name` says who acted where `by` is None.
    """
    return AuditEvent.objects.create(
        happened_at=now,
        account=account,
        actor=by,
        actor_name=by.login if by else actor_name,
        verb=verb,
        target_type=target._meta.model_name or "",
        target_id="" if target.pk is None else str(target.pk),
        target_name=str(target)[:255],
        changes=changes or {},
        ip_address=client_address.get(),
    )


def list_events(
    user: User,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    verb: str = "",
    actor: str = "",
    target: str = "",
) -> AuditEventQuerySet:
    """
    Return the events that the user may see, the newest first; an empty filter narrows nothing.

    `since` is included, `until` is not. `actor` and `target` are parts of names, in any case; `target` is also
    a whole ID.
    """
    events = AuditEvent.objects.visible_to(user)
    narrowed = {
        "happened_at__gte": since,
        "happened_at__lt": until,
        "verb": verb,
        "actor_name__icontains": actor,
    }
    events = events.filter(**{name: value for name, value in narrowed.items() if value})
    if target:
        events = events.filter(Q(target_name__icontains=target) | Q(target_id=target))
    return events.order_by("-happened_at", "-id")


def prune(*, now: datetime, seconds: float = 2.0) -> int:
    """
    Delete events older than `REGATTA_AUDIT_DAYS`, 500 at a time, for about so many seconds; return how many.

    What is left over is the next call's; safe to run in two places.
    """
    deadline = time.monotonic() + seconds
    before = now - timedelta(days=settings.AUDIT_DAYS)
    deleted_count = 0
    while time.monotonic() < deadline:
        count = AuditEvent.objects.discard(before=before, limit=_BATCH)
        deleted_count += count
        if count < _BATCH:
            break
    return deleted_count
