"""Makes the tokens of one-time links, and finds the row that a token opens. Only digests are stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import TypeVar

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from registries.models.invitation import OneTimeLink
from registries.policies import Refused

Link = TypeVar("Link", bound=OneTimeLink)


class LinkSpent(Refused):
    """The link was used, has expired or was withdrawn; which of these is nobody's business."""

    def __init__(self) -> None:
        super().__init__(_("This link has been used, has expired, or was withdrawn. Ask for a new one."))


def new_token() -> str:
    """Return a token of 256 random bits, fit for an address."""
    return secrets.token_urlsafe(32)


def digest_of(token: str) -> str:
    """Return what is stored of a token; random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode(errors="replace")).hexdigest()


def find(links: QuerySet[Link], token: str, now: datetime) -> Link | None:
    """Return the link that the token opens and that has not expired, else None."""
    return links.filter(token_digest=digest_of(token), expires_at__gt=now).first()


def spend(link: OneTimeLink) -> None:
    """
    Delete the link, so that it opens nothing any more; the caller's transaction makes that final.

    Raises LinkSpent if somebody else was faster.
    """
    deleted_count, _per_model = type(link)._default_manager.filter(pk=link.pk).delete()
    if not deleted_count:
        raise LinkSpent
