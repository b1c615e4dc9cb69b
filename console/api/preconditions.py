"""
ETags of rules, and If-Match: whoever says which version they change changes no other.

A request without If-Match is taken as it is.
"""

from __future__ import annotations

import hashlib

from django.utils.http import parse_etags
from django.utils.translation import gettext as _
from rest_framework.request import Request

from console.api.problems import PreconditionFailed
from syncjobs.models import Rule


def etag_of(rule: Rule) -> str:
    """Return the strong ETag of a rule's configuration; when it runs next is no part of it."""
    version = f"{rule.pk}|{rule.updated_at.timestamp():.6f}"
    return f'"{hashlib.sha256(version.encode()).hexdigest()[:32]}"'


def check(request: Request, rule: Rule) -> None:
    """Raise PreconditionFailed if If-Match names other versions; call it with the rule's row locked."""
    header = request.headers.get("If-Match")
    if header is None:
        return
    named = parse_etags(header)
    if named != ["*"] and etag_of(rule) not in named:
        raise PreconditionFailed(_("The rule was changed meanwhile. Read it again, and repeat your change."))


def is_known(request: Request, rule: Rule) -> bool:
    """Tell whether If-None-Match says that the caller has this version."""
    named = parse_etags(request.headers.get("If-None-Match", ""))
    return named == ["*"] or etag_of(rule) in [tag.removeprefix("W/") for tag in named]
