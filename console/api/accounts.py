"""The account of the caller, and who calls."""

from __future__ import annotations

from typing import Any

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import paging
from console.api.pages import numbered
from console.api.paging import PageForm
from console.api.schema import query
from console.api.view import ApiView, user_of
from registries.models import Account, ApiToken, TokenScope


class AccountSerializer(serializers.ModelSerializer[Account]):
    """An account; `uin` is its Account ID."""

    class Meta:
        model = Account
        fields = ("uin", "name", "is_active", "created_at")


class CallerSerializer(serializers.Serializer[Any]):
    """Who calls; `scope` and `expires_at` are those of the token, null for a session of the console."""

    login = serializers.CharField()
    account = serializers.CharField(allow_null=True)
    role = serializers.CharField()
    is_staff = serializers.BooleanField()
    scope = serializers.ChoiceField(choices=TokenScope.choices, allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class AccountList(ApiView):
    """The accounts that the caller sees: their own, and for the platform's staff all."""

    @extend_schema(parameters=query(PageForm), responses=numbered(AccountSerializer))
    def get(self, request: Request) -> Response:
        """List accounts."""
        values = paging.parameters(request, PageForm)
        rows = Account.objects.visible_to(user_of(request)).order_by("uin")
        return Response(
            paging.by_number(request, values, rows, lambda found: AccountSerializer(found, many=True).data)
        )


class AccountDetail(ApiView):
    """One account."""

    @extend_schema(responses=AccountSerializer)
    def get(self, request: Request, uin: str) -> Response:
        """Show an account."""
        account = get_object_or_404(Account.objects.visible_to(user_of(request)), uin=uin)
        return Response(AccountSerializer(account).data)


class Caller(ApiView):
    """Who calls."""

    @extend_schema(responses=CallerSerializer)
    def get(self, request: Request) -> Response:
        """Show who calls, and with what token."""
        user = user_of(request)
        token = request.auth if isinstance(request.auth, ApiToken) else None
        facts = {
            "login": user.login,
            "account": user.account.uin if user.account else None,
            "role": user.role,
            "is_staff": user.is_staff,
            "scope": token.scope if token else None,
            "expires_at": token.expires_at if token else None,
        }
        return Response(CallerSerializer(facts).data)
