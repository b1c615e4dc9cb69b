"""The secret of each instance by which its registry proves that a notification comes from it."""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from datetime import datetime

from django.db import transaction

from registries import audit, permissions, vault
from registries.models import Instance, Permission, User

SCHEME = "Bearer"
_DECOY = "hook of no instance"

log = logging.getLogger(__name__)


@transaction.atomic
def get_or_create_secret(*, instance: Instance, by: User | None, now: datetime) -> str:
    """
    Return the instance's hook secret, made at the first call.

    Raises PermissionDenied unless `by` may manage the instance, and VaultError if the secret does not open.
    """
    permissions.check(by, Permission.MANAGE, instance)
    secret = _new_secret()
    is_mine = Instance.objects.filter(pk=instance.pk, sealed_hook_secret="").update(
        sealed_hook_secret=vault.seal(secret, context=seal_context(instance))
    )
    instance.refresh_from_db(fields=["sealed_hook_secret"])
    if not is_mine:
        return vault.open_sealed(instance.sealed_hook_secret, context=seal_context(instance))
    _note(audit.Verb.HOOK_CREATED, instance, by, now)
    return secret


@transaction.atomic
def rotate_secret(*, instance: Instance, by: User | None, now: datetime) -> str:
    """
    Replace the instance's hook secret and return the new one; the old one is worthless at once.

    Raises PermissionDenied unless `by` may manage the instance.
    """
    permissions.check(by, Permission.MANAGE, instance)
    secret = _new_secret()
    instance.sealed_hook_secret = vault.seal(secret, context=seal_context(instance))
    instance.save(update_fields=["sealed_hook_secret"])
    _note(audit.Verb.HOOK_ROTATED, instance, by, now)
    return secret


def find_authorized(*, instance_id: str, authorization: str) -> Instance | None:
    """
    Return the instance, if the value of an Authorization header is its hook secret.

    The secret may stand alone or behind "Bearer". An unknown instance, one without a secret and a wrong
    secret take the same steps, so that a stranger learns nothing from the time.
    """
    instance = Instance.objects.filter(instance_id=instance_id).first()
    expected = _open(instance) if instance and instance.sealed_hook_secret else None
    if expected is None:
        vault.seal(_DECOY, context=_DECOY)  # takes as long as opening
    is_right = hmac.compare_digest(_digest(_credential_of(authorization)), _digest(expected or _new_secret()))
    return instance if expected is not None and is_right else None


def _open(instance: Instance) -> str | None:
    try:
        return vault.open_sealed(instance.sealed_hook_secret, context=seal_context(instance))
    except vault.VaultError as error:
        log.error("The hook secret of %s: %s", instance.instance_id, error)
        return None


def _credential_of(authorization: str) -> str:
    scheme, blank, credential = authorization.strip().partition(" ")
    return credential.strip() if blank and scheme.lower() == SCHEME.lower() else authorization.strip()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def seal_context(instance: Instance) -> str:
    """Return what the hook secret of the instance is bound to."""
    return f"{instance.seal_context}|hook"


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _note(verb: audit.Verb, instance: Instance, by: User | None, now: datetime) -> None:
    audit.record(verb, by=by, target=instance, account=instance.account, now=now)
