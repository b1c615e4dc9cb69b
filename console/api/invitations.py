"""Invitations: how people become users of an account. No mail is sent: the caller passes the link on."""

from __future__ import annotations

from http import HTTPStatus

from django.conf import settings
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import bodies, paging
from console.api.bodies import FormBody
from console.api.pages import numbered
from console.api.paging import PageForm
from console.api.schema import query
from console.api.view import ApiView, own_account, user_of
from console.shared import access
from registries.forms import InvitationForm
from registries.models import Invitation, TokenScope
from registries.services import invitations


class InvitationSerializer(serializers.ModelSerializer[Invitation]):
    """An invitation that nobody has accepted yet."""

    account = serializers.CharField(source="account.uin", read_only=True)

    class Meta:
        model = Invitation
        fields = ("id", "account", "username", "email", "role", "created_at", "expires_at")


class IssuedInvitationSerializer(InvitationSerializer):
    """A new invitation with its link, which opens once and is not shown again."""

    link = serializers.SerializerMethodField()

    class Meta(InvitationSerializer.Meta):
        fields = (*InvitationSerializer.Meta.fields, "link")  # type: ignore[assignment]

    def get_link(self, _invitation: Invitation) -> str:
        """Return the address at which the guest chooses a password."""
        return settings.BASE_URL + reverse("session:accept_invitation", args=[self.context["token"]])


class NewInvitation(FormBody):
    """Who is invited, and what they will be."""

    form = InvitationForm


class InvitationList(ApiView):
    """Invitations."""

    scopes = {"POST": TokenScope.ADMIN}

    @extend_schema(parameters=query(PageForm), responses=numbered(InvitationSerializer))
    def get(self, request: Request) -> Response:
        """List open invitations. Owners and administrators of the account may."""
        access.check_administers(user_of(request))
        values = paging.parameters(request, PageForm)
        rows = Invitation.objects.visible_to(user_of(request)).select_related("account")
        rows = rows.order_by("username", "pk")
        return Response(
            paging.by_number(request, values, rows, lambda found: InvitationSerializer(found, many=True).data)
        )

    @extend_schema(request=NewInvitation, responses={HTTPStatus.CREATED: IssuedInvitationSerializer})
    def post(self, request: Request) -> Response:
        """Invite somebody to one's own account; the answer holds the link, this once."""
        account = own_account(request)
        form = InvitationForm(NewInvitation.read(request), account=account, by=user_of(request))
        invitation = bodies.save(form, form.save)
        body = IssuedInvitationSerializer(invitation, context={"token": form.token}).data
        return Response(body, status=HTTPStatus.CREATED, headers={"Cache-Control": "no-store"})


class InvitationDetail(ApiView):
    """One invitation."""

    scopes = {"DELETE": TokenScope.ADMIN}

    @extend_schema(responses=InvitationSerializer)
    def get(self, request: Request, invitation_id: int) -> Response:
        """Show an invitation."""
        invitation = _get_or_404(request, invitation_id)
        access.check_administers(user_of(request))
        return Response(InvitationSerializer(invitation).data)

    @extend_schema(responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, invitation_id: int) -> Response:
        """Withdraw an invitation; its link opens nothing any more."""
        invitation = _get_or_404(request, invitation_id)
        invitations.delete(invitation=invitation, by=user_of(request), now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


def _get_or_404(request: Request, invitation_id: int) -> Invitation:
    visible = Invitation.objects.visible_to(user_of(request)).select_related("account")
    return get_object_or_404(visible, pk=invitation_id)
