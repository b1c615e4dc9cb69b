"""The access credentials that an instance issues; source: seeds 000 and 001. A secret is shown once."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django.db.models import QuerySet
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
from console.api.view import ApiView, user_of
from console.shared import access
from registries import permissions
from registries.forms import AccessCredentialForm, CredentialChangeForm
from registries.models import (
    AccessCredential,
    CredentialKind,
    CredentialState,
    Instance,
    Permission,
    TokenScope,
)
from registries.services import issued_secrets

_ADMIN = dict.fromkeys(("POST", "PATCH", "DELETE"), TokenScope.ADMIN)


class CredentialSerializer(serializers.ModelSerializer[AccessCredential]):
    """A credential; a service-level one has `permissions`, {namespace or "*": actions}."""

    instance = serializers.CharField(  # type: ignore[assignment]  # DRF takes declared fields away
        source="instance.instance_id", read_only=True
    )
    namespaces = serializers.ListField(child=serializers.CharField())
    permissions = serializers.DictField(child=serializers.ListField(child=serializers.CharField()))
    state = serializers.SerializerMethodField()
    created_by = serializers.CharField(
        source="created_by.login", read_only=True, default=None, allow_null=True
    )

    class Meta:
        model = AccessCredential
        fields = (
            "token_id",
            "instance",
            "kind",
            "username",
            "description",
            "namespaces",
            "permissions",
            "is_temporary",
            "is_enabled",
            "state",
            "expires_at",
            "last_used_at",
            "created_by",
            "created_at",
        )

    def get_state(self, credential: AccessCredential) -> CredentialState:
        """Return what it is good for now."""
        return credential.state(timezone.now())


class IssuedCredentialSerializer(CredentialSerializer):
    """A new credential with its secret, which is not stored and not shown again."""

    secret = serializers.SerializerMethodField()

    class Meta(CredentialSerializer.Meta):
        fields = (*CredentialSerializer.Meta.fields, "secret")  # type: ignore[assignment]

    def get_secret(self, _credential: AccessCredential) -> str:
        """Return the secret."""
        return str(self.context["secret"])


class NewCredential(FormBody):
    """A new credential: service-level with a username, else user-level."""

    form = AccessCredentialForm
    leaves_out = frozenset({"secret"})


class CredentialChange(FormBody):
    """What changes of a credential: never its secret or its username."""

    form = CredentialChangeForm
    is_partial = True


class CredentialList(ApiView):
    """Credentials of an instance."""

    scopes = _ADMIN

    @extend_schema(parameters=query(PageForm), responses=numbered(CredentialSerializer))
    def get(self, request: Request, instance_id: str) -> Response:
        """List the credentials of an instance."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        values = paging.parameters(request, PageForm)
        rows = _credentials_of(instance).order_by("-created_at", "-pk")
        return Response(paging.by_number(request, values, rows, _represent))

    @extend_schema(request=NewCredential, responses={HTTPStatus.CREATED: IssuedCredentialSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Issue a credential; the answer holds its secret, this once."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        permissions.check(user_of(request), Permission.PUSH, instance)
        form = AccessCredentialForm(NewCredential.read(request), holder=instance, by=user_of(request))
        credential = bodies.save(form, form.save)
        context = {"secret": form.issued_secret}
        headers = {
            "Location": reverse("api:credential", args=[instance_id, credential.token_id]),
            "Cache-Control": "no-store",
        }
        return Response(
            IssuedCredentialSerializer(credential, context=context).data,
            status=HTTPStatus.CREATED,
            headers=headers,
        )


class CredentialDetail(ApiView):
    """One credential."""

    scopes = _ADMIN

    @extend_schema(responses=CredentialSerializer)
    def get(self, request: Request, instance_id: str, token_id: str) -> Response:
        """Show a credential."""
        return Response(CredentialSerializer(_get_or_404(request, instance_id, token_id)).data)

    @extend_schema(request=CredentialChange, responses=CredentialSerializer)
    def patch(self, request: Request, instance_id: str, token_id: str) -> Response:
        """Change description, end and reach of a credential."""
        credential = _get_or_404(request, instance_id, token_id)
        issued_secrets.check_can_change(user_of(request), credential)
        data = CredentialChange.read(request, _values_of(credential))
        form = CredentialChangeForm(data, by=user_of(request), instance=credential)
        return Response(CredentialSerializer(bodies.save(form, form.save)).data)

    @extend_schema(responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, instance_id: str, token_id: str) -> Response:
        """Delete a credential; whatever presents it is refused from now on."""
        credential = _get_or_404(request, instance_id, token_id)
        issued_secrets.delete(credential=credential, by=user_of(request), now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


class CredentialSwitch(ApiView):
    """Whether a credential opens anything."""

    scopes = _ADMIN
    is_enabled = True

    @extend_schema(request=None, responses={HTTPStatus.OK: CredentialSerializer})
    def post(self, request: Request, instance_id: str, token_id: str) -> Response:
        """Switch a credential on or off; safe to repeat."""
        credential = _get_or_404(request, instance_id, token_id)
        issued_secrets.set_enabled(
            credential=credential, is_enabled=self.is_enabled, by=user_of(request), now=timezone.now()
        )
        return Response(CredentialSerializer(credential).data)


def _credentials_of(instance: Instance) -> QuerySet[AccessCredential]:
    return AccessCredential.objects.filter(instance=instance).select_related(
        "created_by", "instance__account"
    )


def _get_or_404(request: Request, instance_id: str, token_id: str) -> AccessCredential:
    instance = access.get_instance_or_404(user_of(request), instance_id)
    return get_object_or_404(_credentials_of(instance), token_id=token_id)


def _values_of(credential: AccessCredential) -> dict[str, Any]:
    shared = {"description": credential.description, "expires_at": credential.expires_at}
    if credential.kind == CredentialKind.SERVICE:
        lines = [f"{name}: {', '.join(actions)}" for name, actions in credential.permissions.items()]
        return shared | {"permissions": lines}
    return shared | {"namespaces": credential.namespaces}


def _represent(rows: Sequence[AccessCredential]) -> Any:
    return CredentialSerializer(rows, many=True).data
