"""What a token is good for; DRF loads this before its own views, so it imports none of them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from registries.models import ApiToken


class HasScope(BasePermission):
    """
    Keeps a token from what its scope does not cover; what its user may do is asked by the services.

    A session has no scope. `view.scope_of(method)` says what is needed (`view.ApiView`).
    """

    message = ""

    def has_permission(self, request: Request, view: Any) -> bool:
        """Tell whether the token is good for the method."""
        scope = view.scope_of(request.method or "")
        self.message = _("This needs a token of the scope “%(scope)s”.") % {"scope": scope.value}
        return not isinstance(request.auth, ApiToken) or request.auth.covers(scope)
