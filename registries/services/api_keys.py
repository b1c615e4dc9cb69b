"""
Makes, switches and deletes the API keys of a user, and finds the one that signed a call.

A key is changed for another without a pause: make a second one, give it to the programs, switch the first one off,
delete it. Everybody keeps their own keys only.
"""

from __future__ import annotations

import secrets
import string
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from registries import audit
from registries.models import ApiKey, User
from registries.policies import Refused

MOST_KEYS = 5
"""How many keys a user may have: enough for a change of each of two."""

_ID_PREFIX = "AKID"
_ALPHABET = string.ascii_letters + string.digits
_LENGTH = 32
_USE_IS_NOTED_EVERY = timedelta(minutes=1)


@transaction.atomic
def create(*, user: User, now: datetime) -> tuple[ApiKey, str]:
    """
    Make a key of the user and return it with its SecretKey, which is not shown again.

    Raises PermissionDenied for staff, who belong to no account, and Refused if the user has MOST_KEYS.
    """
    _check_can_have_keys(user)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)
    if user.api_keys.count() >= MOST_KEYS:
        raise Refused(
            _("You have %(count)d API keys, which is the most. Delete one first.") % {"count": MOST_KEYS}
        )
    secret_key = _random()
    key = ApiKey(user=user, secret_id=_ID_PREFIX + _random(), created_at=now)
    key.seal_secret_key(secret_key)
    key.save()
    _note(audit.Verb.API_KEY_CREATED, key, now)
    return key, secret_key


@transaction.atomic
def set_enabled(*, key: ApiKey, is_enabled: bool, by: User, now: datetime) -> None:
    """
    Switch the key on or off; safe to repeat.

    Raises PermissionDenied unless it is the key of `by`.
    """
    _check_is_own(key, by)
    changed = ApiKey.objects.filter(pk=key.pk, is_enabled=not is_enabled).update(is_enabled=is_enabled)
    key.is_enabled = is_enabled
    if changed:
        _note(audit.Verb.API_KEY_ENABLED if is_enabled else audit.Verb.API_KEY_DISABLED, key, now)


@transaction.atomic
def delete(*, key: ApiKey, by: User, now: datetime) -> None:
    """
    Delete a key that is switched off, so that nobody deletes the one in use by mistake.

    Raises PermissionDenied unless it is the key of `by`, and Refused while it is on.
    """
    _check_is_own(key, by)
    if ApiKey.objects.filter(pk=key.pk, is_enabled=True).exists():
        raise Refused(_("Disable the key first, and see that nothing misses it."))
    _note(audit.Verb.API_KEY_DELETED, key, now)
    key.delete()


def list_own(user: User) -> QuerySet[ApiKey]:
    """Return the keys of the user, the newest first."""
    return ApiKey.objects.filter(user=user).order_by("-created_at", "-pk")


def find_usable(secret_id: str) -> ApiKey | None:
    """Return the key, with its user and account, if it is on and both are active; None tells nothing of why."""
    if not secret_id.isascii() or not secret_id.isalnum():
        return None
    return (
        ApiKey.objects.filter(
            secret_id=secret_id, is_enabled=True, user__is_active=True, user__account__is_active=True
        )
        .select_related("user__account")
        .first()
    )


def note_use(key: ApiKey, now: datetime) -> None:
    """Note when the key was last used, once a minute at most."""
    if key.last_used_at is None or now - key.last_used_at >= _USE_IS_NOTED_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _check_can_have_keys(user: User) -> None:
    if user.account is None or not user.is_active:
        raise PermissionDenied(_("API keys belong to users of an account."))


def _check_is_own(key: ApiKey, by: User) -> None:
    if key.user_id != by.pk:
        raise PermissionDenied(_("Everybody keeps their own API keys only."))


def _note(verb: audit.Verb, key: ApiKey, now: datetime) -> None:
    audit.record(verb, by=key.user, target=key, account=key.user.account, now=now)


def _random() -> str:
    return "".join(secrets.choice(_ALPHABET) for _position in range(_LENGTH))
