"""What all views of the API share: who may call with what token, how often, and in which time zone it answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Any, ClassVar, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request
from rest_framework.views import APIView

from registries import permissions, throttling
from registries.models import Account, TokenScope, User
from registries.throttling import Limit


class ApiView(APIView):
    """
    A view of the API. Reading needs the scope `read`, anything else `operate`, unless `scopes` says otherwise.

    Times are given in UTC.
    """

    scopes: ClassVar[Mapping[str, TokenScope]] = {}

    def scope_of(self, method: str) -> TokenScope:
        """Return the scope that a token needs for the method."""
        return self.scopes.get(method, TokenScope.READ if method in SAFE_METHODS else TokenScope.OPERATE)

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request."""
        with timezone.override(UTC):
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Let nobody in who may not, or who calls too often: raises what `problems.handle` knows."""
        super().initial(request, *args, **kwargs)
        limit = Limit("api", settings.API_PER_MINUTE)
        throttling.check(limit, str(user_of(request).pk), now=timezone.now())


def own_account(request: Request) -> Account:
    """Return the caller's account; raises PermissionDenied unless there is one that they administer."""
    user = user_of(request)
    if user.account is None:
        raise PermissionDenied(_("Staff of the platform have no account. Sign in as a user of one."))
    permissions.check_can_administer(user, user.account)
    return user.account


def user_of(request: Request) -> User:
    """Return who calls; the permission classes have let nobody else through."""
    return cast(User, request.user)
