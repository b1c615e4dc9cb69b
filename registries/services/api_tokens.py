"""
Issues and revokes the API tokens of a user, and finds the one that a call presents.

A token is `rgt_`, its ID, `_` and a secret of 256 random bits, so that a fast keyed hash recognizes it
(docs/adr/0008), and that scanners for lost secrets can. It never gives more rights than its user has at that moment.
"""

from __future__ import annotations

import re
import secrets
import string
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from registries import audit, vault
from registries.models import ApiToken, TokenScope, User
from registries.models.api_token import digest_of, fingerprint_context
from registries.policies import Refused

MOST_TOKENS = 50
"""How many tokens a user may have."""

LONGEST_LIFE = timedelta(days=366)

_PREFIX = "rgt"
_ALPHABET = string.ascii_lowercase + string.digits
_PRESENTED = re.compile(rf"{_PREFIX}_([a-z0-9]{{20}})_([A-Za-z0-9_-]{{43}})", re.ASCII)
_USE_IS_NOTED_EVERY = timedelta(minutes=1)
_USABLE = Q(user__is_active=True) & (Q(user__account__isnull=True) | Q(user__account__is_active=True))


@transaction.atomic
def issue(
    *, scope: TokenScope, expires_at: datetime, description: str, by: User, now: datetime
) -> tuple[ApiToken, str]:
    """
    Issue a token of `by` and return it with the text to present, which is not stored and can't be shown again.

    Raises Refused for an end that has passed or is more than LONGEST_LIFE ahead, and if they have MOST_TOKENS.
    """
    if not now < expires_at <= now + LONGEST_LIFE:
        raise Refused(_("A token ends within a year."), field="expires_at")
    User.objects.select_for_update(no_key=True).get(pk=by.pk)
    if by.api_tokens.count() >= MOST_TOKENS:
        raise Refused(
            _("You have %(count)d API tokens, which is the most. Revoke one first.") % {"count": MOST_TOKENS}
        )
    token = ApiToken(
        user=by,
        token_id="".join(secrets.choice(_ALPHABET) for _position in range(20)),
        description=description,
        scope=scope,
        expires_at=expires_at,
        created_at=now,
    )
    secret = secrets.token_urlsafe(32)
    token.store_secret(secret)
    token.save()
    changes = {"scope": str(scope), "expires_at": expires_at.isoformat()}
    audit.record(
        audit.Verb.API_TOKEN_ISSUED, by=by, target=token, account=by.account, now=now, changes=changes
    )
    return token, f"{_PREFIX}_{token.token_id}_{secret}"


@transaction.atomic
def revoke(*, token: ApiToken, by: User, now: datetime) -> None:
    """
    Delete the token; whoever presents it is refused from now on.

    Raises PermissionDenied unless it is a token of `by`.
    """
    if token.user_id != by.pk:
        raise PermissionDenied(_("Everybody keeps their own API tokens only."))
    audit.record(audit.Verb.API_TOKEN_REVOKED, by=by, target=token, account=by.account, now=now)
    token.delete()


def list_own(user: User) -> QuerySet[ApiToken]:
    """Return the tokens of the user, the newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created_at", "-pk")


def find_usable(presented: str, now: datetime) -> ApiToken | None:
    """
    Return the token with its user and account; None tells nothing of why.

    One lookup, whatever is presented. None, too, once the token has ended or its user or account is switched off.
    """
    match = _PRESENTED.fullmatch(presented)
    token_id, secret = match.groups() if match else ("", "")
    token = (
        ApiToken.objects.filter(
            _USABLE,
            token_id=token_id,
            secret_fingerprint__in=vault.fingerprints(
                digest_of(secret), context=fingerprint_context(token_id)
            ),
            expires_at__gt=now,
        )
        .select_related("user__account")
        .first()
    )
    if token is not None:
        _note_use(token, now)
    return token


def _note_use(token: ApiToken, now: datetime) -> None:
    """Note the time, once a minute at most."""
    if token.last_used_at is None or now - token.last_used_at >= _USE_IS_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=now)
