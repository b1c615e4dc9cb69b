"""
Issues the credentials that an instance's account gives away, and checks those that are presented.

A secret holds 256 random bits, so a fast keyed hash recognizes it (docs/adr/0008). Checking is one lookup whatever
is presented, and never more rights come of it than the issuer has at that moment.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions, quotas, vault
from registries.models import (
    AccessCredential,
    Action,
    CredentialKind,
    CredentialState,
    Instance,
    Permission,
    User,
)
from registries.models.access_credential import digest_of, fingerprint_context
from registries.naming import ALL_NAMESPACES, SERVICE_ACCOUNT_PREFIX

TEMPORARY_LIFE = timedelta(hours=1)
"""Source: reference/tencent-api.md 1.5, CreateInstanceToken."""

_TOKEN_ALPHABET = string.ascii_lowercase + string.digits
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


class CredentialRejected(Exception):
    """
    The presented credential does not open the instance.

    One message for every cause (unknown instance, wrong secret, foreign namespace, expired), so that a
    stranger learns nothing.
    """

    def __init__(self) -> None:
        super().__init__(
            _("The target instance, username or password is wrong, or may not push to this namespace.")
        )


@transaction.atomic
def issue(
    *,
    instance: Instance,
    by: User | None,
    now: datetime,
    username: str = "",
    namespaces: Sequence[str] = (),
    allowed: Mapping[str, Sequence[str]] | None = None,
    description: str = "",
    secret: str | None = None,
    is_temporary: bool = False,
    expires_at: datetime | None = None,
) -> tuple[AccessCredential, str]:
    """
    Issue a credential and return it with its secret, which is not stored and can't be shown again.

    Without a username it is user-level (the username is the Account ID) and opens the namespaces, all of them if
    none is named; a temporary one ends after an hour. With a username it is service-level, gets the `tcr$` prefix
    and may do what `allowed` says, {namespace or `*`: actions}; None: everything in the namespaces.

    Raises PermissionDenied unless `by` may push to the instance, or see it if the credential may only pull, and
    QuotaExceeded if the instance has issued enough.
    """
    secret = secret or secrets.token_urlsafe(32)
    if username:
        username = SERVICE_ACCOUNT_PREFIX + username.removeprefix(SERVICE_ACCOUNT_PREFIX)
    credential = AccessCredential(
        instance=instance,
        kind=CredentialKind.SERVICE if username else CredentialKind.USER,
        token_id="".join(secrets.choice(_TOKEN_ALPHABET) for _position in range(20)),
        username=username or instance.account.uin,
        namespaces=[] if username else list(namespaces),
        permissions=_permissions(namespaces, allowed) if username else {},
        description=description,
        is_temporary=is_temporary,
        expires_at=now + TEMPORARY_LIFE if is_temporary else expires_at,
        created_by=by,
    )
    permissions.check(by, needed_right(credential), instance)
    quotas.check_room(quotas.Quota.CREDENTIALS, instance)
    credential.store_secret(secret)
    credential.save()
    audit.record(
        audit.Verb.ACCESS_CREDENTIAL_ISSUED,
        by=by,
        target=credential,
        account=instance.account,
        now=now,
        changes=_described(credential),
    )
    return credential, secret


def verify_push(
    *, instance_id: str, username: str, secret: str, namespace: str, now: datetime
) -> AccessCredential:
    """
    Return the user-level credential by which this may be pushed to the namespace now.

    An unknown instance, another username and a wrong secret all come down to the same fingerprint and the same
    lookup that finds nothing; a credential that is found and does not fit is refused without a further query.

    Raises CredentialRejected, always with the same words.
    """
    if not all(map(_is_text, (instance_id, username, secret))):
        instance_id = username = secret = ""
    context = fingerprint_context(instance_id, username)
    found = AccessCredential.objects.filter(
        secret_fingerprint__in=vault.fingerprints(digest_of(secret), context=context),
        instance__instance_id=instance_id,
        username=username,
        kind=CredentialKind.USER,
    ).select_related("created_by__account", "instance__account")
    for credential in found:
        if _opens(credential, namespace, now):
            _note_use(credential, now)
            return credential
    raise CredentialRejected


def needed_right(credential: AccessCredential) -> Permission:
    """Return what its issuer must hold on the instance, when it is issued and whenever it is used."""
    return Permission.PUSH if credential.pushes else Permission.VIEW


def _opens(credential: AccessCredential, namespace: str, now: datetime) -> bool:
    return (
        credential.state(now) == CredentialState.USABLE
        and credential.allows(Action.PUSH, namespace)
        and credential.instance.account.is_active
        and permissions.can(credential.created_by, Permission.PUSH, credential.instance)
    )


def _note_use(credential: AccessCredential, now: datetime) -> None:
    """Note the time, once a minute at most: executions check their credential again and again."""
    last = credential.last_used_at
    if last is None or now - last >= _USE_IS_NOTED_EVERY:
        AccessCredential.objects.filter(pk=credential.pk).update(last_used_at=now)


def _permissions(
    namespaces: Sequence[str], allowed: Mapping[str, Sequence[str]] | None
) -> dict[str, list[str]]:
    if allowed is not None:
        return {name: list(actions) for name, actions in allowed.items()}
    return {name: [action.value for action in Action] for name in namespaces or (ALL_NAMESPACES,)}


def _described(credential: AccessCredential) -> dict[str, object]:
    changes: dict[str, object] = {"username": credential.username}
    if credential.kind == CredentialKind.SERVICE:
        changes["permissions"] = credential.permissions
    else:
        changes["namespaces"] = credential.namespaces
    if credential.expires_at is not None:
        changes["expires_at"] = credential.expires_at.isoformat()
    return changes


def _is_text(value: str) -> bool:
    """Whether databases and hashes take it: JSON can hold NUL and halves of surrogate pairs."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
