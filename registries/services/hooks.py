"""
The secrets by which registries prove that a notification comes from them.

A connected instance has one of its own. A backend has one for all the instances that live in it.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar

from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions, vault
from registries.models import Backend, Instance, Permission, User
from registries.policies import Refused

SCHEME = "Bearer"
_DECOY = "hook of nobody"

Holder = TypeVar("Holder", Instance, Backend)

log = logging.getLogger(__name__)


class HookNotNeeded(Refused):
    """The instance is hosted: its backend reports for it."""


@transaction.atomic
def get_or_create_secret(*, holder: Instance | Backend, by: User | None, now: datetime) -> str:
    """
    Return the hook secret of the instance or backend, made at the first call.

    Raises PermissionDenied unless `by` may manage the instance, or acts for the platform, HookNotNeeded for a hosted
    instance, and VaultError if the secret does not open.
    """
    _check(holder, by)
    secret = _new_secret()
    without = type(holder)._default_manager.filter(pk=holder.pk, sealed_hook_secret="")
    is_mine = without.update(sealed_hook_secret=vault.seal(secret, context=seal_context(holder)))
    holder.refresh_from_db(fields=["sealed_hook_secret"])
    if not is_mine:
        return vault.open_sealed(holder.sealed_hook_secret, context=seal_context(holder))
    _note(audit.Verb.HOOK_CREATED, holder, by, now)
    return secret


@transaction.atomic
def rotate_secret(*, holder: Instance | Backend, by: User | None, now: datetime) -> str:
    """
    Replace the hook secret and return the new one; the old one is worthless at once.

    Raises PermissionDenied unless `by` may manage the instance, or acts for the platform, and HookNotNeeded for a
    hosted instance.
    """
    _check(holder, by)
    secret = _new_secret()
    holder.sealed_hook_secret = vault.seal(secret, context=seal_context(holder))
    holder.save(update_fields=["sealed_hook_secret"])
    _note(audit.Verb.HOOK_ROTATED, holder, by, now)
    return secret


def find_authorized(*, instance_id: str, authorization: str) -> Instance | None:
    """
    Return the instance, if the value of an Authorization header is its hook secret.

    The secret may stand alone or behind "Bearer". An unknown instance, one without a secret and a wrong
    secret take the same steps, so that a stranger learns nothing from the time.
    """
    return _if_authorized(Instance.objects.filter(instance_id=instance_id).first(), authorization)


def find_authorized_backend(*, code: str, authorization: str) -> Backend | None:
    """Return the backend, if the value of an Authorization header is its hook secret; as for an instance."""
    return _if_authorized(Backend.objects.filter(code=code).first(), authorization)


def list_hosted(backend: Backend, repositories: Iterable[str]) -> list[Instance]:
    """Return the instances of the backend in which repositories of these full names would lie."""
    prefixes = {name[:place] for name in repositories for place, sign in enumerate(name) if sign == "/"}
    return list(Instance.objects.filter(backend=backend, prefix__in=prefixes).order_by("pk"))


def seal_context(holder: Instance | Backend) -> str:
    """Return what the hook secret of the instance or backend is bound to."""
    return f"{holder.seal_context}|hook"


def _check(holder: Instance | Backend, by: User | None) -> None:
    if isinstance(holder, Backend):
        permissions.check_is_platform(by)
        return
    permissions.check(by, Permission.MANAGE, holder)
    if holder.backend is not None:
        raise HookNotNeeded(_("The instance is hosted: its pushes are reported without a hook of its own."))


def _if_authorized(holder: Holder | None, authorization: str) -> Holder | None:
    expected = _open(holder) if holder and holder.sealed_hook_secret else None
    if expected is None:
        vault.seal(_DECOY, context=_DECOY)  # takes as long as opening
    is_right = hmac.compare_digest(_digest(_credential_of(authorization)), _digest(expected or _new_secret()))
    return holder if expected is not None and is_right else None


def _open(holder: Instance | Backend) -> str | None:
    try:
        return vault.open_sealed(holder.sealed_hook_secret, context=seal_context(holder))
    except vault.VaultError as error:
        log.error("The hook secret of %s: %s", holder, error)
        return None


def _credential_of(authorization: str) -> str:
    scheme, blank, credential = authorization.strip().partition(" ")
    return credential.strip() if blank and scheme.lower() == SCHEME.lower() else authorization.strip()


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


def _note(verb: audit.Verb, holder: Instance | Backend, by: User | None, now: datetime) -> None:
    account = holder.account if isinstance(holder, Instance) else None
    audit.record(verb, by=by, target=holder, account=account, now=now)
