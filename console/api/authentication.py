"""
Who calls: a bearer token, or the session of somebody who is signed in to the console.

A session reads like a token does. To change something with one, the request must carry the CSRF token in the header
X-CSRFToken, as a page of the console could: another site cannot make a browser do it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from console.shared import throttling as answers
from registries import throttling
from registries.models import ApiToken, User
from registries.services import api_tokens
from registries.throttling import Limit

if TYPE_CHECKING:
    from drf_spectacular.openapi import AutoSchema

SCHEME = "Bearer"


class BearerAuthentication(BaseAuthentication):
    """Finds the user of `Authorization: Bearer rgt_…`; another scheme, or none, is left to the session."""

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """
        Return the user and the token.

        Raises AuthenticationFailed for a token that is unknown, revoked or expired, always with the same words, and
        TooManyRequests to an address that presents such tokens again and again.
        """
        scheme, _blank, presented = request.headers.get("Authorization", "").strip().partition(" ")
        if scheme.lower() != SCHEME.lower():
            return None
        now = timezone.now()
        token = api_tokens.find_usable(presented.strip(), now)
        if token is None:
            limit = Limit("api-refused", settings.API_PER_MINUTE)
            throttling.check(limit, answers.caller_address(), now=now)
            raise AuthenticationFailed(_("The token is unknown, revoked or expired."))
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        """Return what asks for a token; with it the refusal is a 401."""
        return SCHEME


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Tells drf-spectacular what the token is."""

    target_class = BearerAuthentication
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, str]:
        """Return the security scheme."""
        return {
            "type": "http",
            "scheme": "bearer",
            "description": "An API token, which users issue to themselves in the console: Account, API tokens.",
        }
