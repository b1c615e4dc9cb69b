"""Issues the credentials that an instance's account gives away, and checks those that are presented."""

from __future__ import annotations

import secrets
import string
from datetime import datetime

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import AccessCredential, CredentialKind, Instance, Permission, User
from registries.naming import is_service_account_name

_TOKEN_ALPHABET = string.ascii_lowercase + string.digits


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
    by: User,
    now: datetime,
    username: str = "",
    namespaces: list[str] | None = None,
    description: str = "",
    secret: str | None = None,
    expires_at: datetime | None = None,
) -> tuple[AccessCredential, str]:
    """
    Issue a credential and return it with its secret, which is not stored and can't be shown again.

    Without a username it is user-level (the username is the Account ID); with one it is service-level and
    gets the `tcr$` prefix. An empty list of namespaces means all of them.

    Raises PermissionDenied unless `by` may push to the instance.
    """
    permissions.check(by, Permission.PUSH, instance)
    secret = secret or secrets.token_urlsafe(32)
    credential = AccessCredential.objects.create(
        instance=instance,
        kind=CredentialKind.SERVICE if username else CredentialKind.USER,
        token_id="".join(secrets.choice(_TOKEN_ALPHABET) for _position in range(20)),
        username=f"tcr${username.removeprefix('tcr$')}" if username else instance.account.uin,
        namespaces=namespaces or [],
        description=description,
        secret_hash=make_password(secret),
        expires_at=expires_at,
        created_by=by,
    )
    audit.record(
        audit.Verb.ACCESS_CREDENTIAL_ISSUED,
        by=by,
        target=credential,
        account=instance.account,
        now=now,
        changes={"username": credential.username, "namespaces": credential.namespaces},
    )
    return credential, secret


def verify_push(*, instance_id: str, username: str, secret: str, namespace: str, now: datetime) -> Instance:
    """
    Return the instance, if this user-level credential may push to the namespace now.

    Takes the time of one password hash whatever the cause of a refusal, and of one more for each further
    credential of that username.

    Raises CredentialRejected, always with the same words.
    """
    if not all(map(_is_text, (instance_id, username, secret))):
        make_password("")
        raise CredentialRejected
    instance = Instance.objects.filter(instance_id=instance_id).select_related("account").first()
    candidates = _usable(instance, username, namespace, now) if instance else []
    for credential in candidates:
        if check_password(secret, credential.secret_hash):
            AccessCredential.objects.filter(pk=credential.pk).update(last_used_at=now)
            return credential.instance
    if not candidates:
        make_password(secret)
    raise CredentialRejected


def _usable(instance: Instance, username: str, namespace: str, now: datetime) -> list[AccessCredential]:
    if is_service_account_name(username):
        return []
    found = AccessCredential.objects.filter(
        instance=instance, username=username, kind=CredentialKind.USER, is_enabled=True, can_push=True
    ).select_related("created_by__account", "instance__account")
    return [
        credential
        for credential in found
        if (credential.expires_at is None or credential.expires_at > now)
        and (not credential.namespaces or namespace in credential.namespaces)
        and permissions.can(credential.created_by, Permission.PUSH, credential.instance)
    ]


def _is_text(value: str) -> bool:
    """Whether databases and hashes take it: JSON can hold NUL and halves of surrogate pairs."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
