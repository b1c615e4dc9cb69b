"""The users of an account: what they are, and whether they may sign in."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.db.models import Q
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import bodies, paging
from console.api.bodies import FormBody
from console.api.pages import numbered
from console.api.paging import PageForm, choices_of
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries.forms import MemberForm
from registries.models import TokenScope, User
from registries.services import accounts

_ADMIN = {"POST": TokenScope.ADMIN, "PATCH": TokenScope.ADMIN}


class UserFilter(PageForm):
    """The filter of the list."""

    search = forms.CharField(required=False, max_length=200, help_text="Part of a sign-in name or an email.")
    ordering = forms.ChoiceField(required=False, choices=choices_of(("username", "role", "last_login")))


class UserSerializer(serializers.ModelSerializer[User]):
    """A user of an account."""

    account = serializers.CharField(source="account.uin", read_only=True)

    class Meta:
        model = User
        fields = (
            "id",
            "account",
            "username",
            "login",
            "email",
            "role",
            "is_active",
            "last_login",
            "created_at",
        )


class UserChange(FormBody):
    """What changes of a user."""

    form = MemberForm
    is_partial = True


class UserList(ApiView):
    """Users."""

    @extend_schema(parameters=query(UserFilter), responses=numbered(UserSerializer))
    def get(self, request: Request) -> Response:
        """List users. Owners and administrators of the account may."""
        access.check_administers(user_of(request))
        values = paging.parameters(request, UserFilter)
        rows = User.objects.visible_to(user_of(request)).select_related("account")
        if values["search"]:
            rows = rows.filter(Q(login__icontains=values["search"]) | Q(email__icontains=values["search"]))
        rows = rows.order_by(values["ordering"] or "username", "pk")
        return Response(
            paging.by_number(request, values, rows, lambda found: UserSerializer(found, many=True).data)
        )


class UserDetail(ApiView):
    """One user."""

    scopes = _ADMIN

    @extend_schema(responses=UserSerializer)
    def get(self, request: Request, user_id: int) -> Response:
        """Show a user."""
        return Response(UserSerializer(_get_member(request, user_id)).data)

    @extend_schema(request=UserChange, responses=UserSerializer)
    def patch(self, request: Request, user_id: int) -> Response:
        """Change role and email of a user."""
        member = _get_member(request, user_id)
        assert member.account is not None  # noqa: S101  # `visible_to` gives users of accounts only
        data = UserChange.read(request, {"role": member.role, "email": member.email})
        form = MemberForm(data, account=member.account, instance=member, by=user_of(request))
        return Response(UserSerializer(bodies.save(form, form.save)).data)


class UserSwitch(ApiView):
    """Whether a user may sign in."""

    scopes = _ADMIN
    is_active = True

    @extend_schema(request=None, responses={HTTPStatus.OK: UserSerializer})
    def post(self, request: Request, user_id: int) -> Response:
        """Enable or disable a user; disabling ends their sessions, and their tokens open nothing."""
        member = _get_member(request, user_id)
        accounts.set_user_active(
            user=member, is_active=self.is_active, by=user_of(request), now=timezone.now()
        )
        return Response(UserSerializer(member).data)


def _get_member(request: Request, user_id: int) -> User:
    visible = User.objects.visible_to(user_of(request)).select_related("account")
    member = get_object_or_404(visible, pk=user_id)
    access.check_administers(user_of(request))
    return member
