"""Instances: the registries of an account, the test of their connection, and how they send push events."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
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
from console.api.view import ApiView, own_account, user_of
from console.shared import access
from console.shared.hook_setup import Hook
from registries import permissions
from registries.forms import InstanceForm
from registries.forms.instance import values_of
from registries.models import Edition, Instance, Permission, TokenScope
from registries.services import connections, hooks, instances

_ADMIN = dict.fromkeys(("POST", "PATCH", "DELETE"), TokenScope.ADMIN)


class InstanceFilter(PageForm):
    """The filter of the list."""

    search = forms.CharField(required=False, max_length=200, help_text="Part of a name, an ID or an address.")
    edition = forms.ChoiceField(required=False, choices=[("", ""), *Edition.choices])
    region = forms.CharField(required=False, max_length=40, help_text="Code of a region.")
    ordering = forms.ChoiceField(required=False, choices=choices_of(("name", "edition", "created_at")))


class InstanceSerializer(serializers.ModelSerializer[Instance]):
    """An instance. The password of its registry is never shown."""

    account = serializers.CharField(source="account.uin", read_only=True)
    region = serializers.CharField(source="region.code", read_only=True)
    username = serializers.SerializerMethodField(help_text="With which Regatta signs in; empty: anonymous.")
    address = serializers.CharField(read_only=True, help_text="What users push to, without a scheme.")

    class Meta:
        model = Instance
        fields = (
            "instance_id",
            "account",
            "name",
            "edition",
            "region",
            "kind",
            "endpoint_url",
            "address",
            "username",
            "verify_tls",
            "ca_pem",
            "requests_per_second",
            "bandwidth",
            "bandwidth_windows",
            "status",
            "is_deletion_protected",
            "health",
            "health_detail",
            "health_checked_at",
            "created_at",
        )

    def get_username(self, instance: Instance) -> str:
        """Return the stored username."""
        credential = getattr(instance, "credential", None)
        return credential.username if credential else ""


class NewInstance(FormBody):
    """A new instance; of a hosted one nothing is said about the connection."""

    form = InstanceForm
    leaves_out = frozenset({"instance_id"})


class InstanceChange(FormBody):
    """What changes of an instance; without a password the stored one is kept, unless the address changes."""

    form = InstanceForm
    leaves_out = frozenset({"instance_id", "kind"})
    is_partial = True


class StepSerializer(serializers.Serializer[Any]):
    """One step of a test and what became of it: ok, failed or skipped."""

    name = serializers.CharField()
    status = serializers.CharField()
    words = serializers.CharField(allow_blank=True)
    milliseconds = serializers.IntegerField()


class ConnectionTestSerializer(serializers.Serializer[Any]):
    """A test of a connection."""

    is_ok = serializers.BooleanField()
    steps = StepSerializer(many=True)


class HookSerializer(serializers.Serializer[Any]):
    """Where the registry is to post, with what secret, and the configuration that makes it do so."""

    url = serializers.URLField()
    authorization = serializers.CharField()
    docker_registry = serializers.DictField()
    docker_registry_yaml = serializers.CharField()
    harbor = serializers.DictField()


class InstanceList(ApiView):
    """Instances."""

    scopes = _ADMIN

    @extend_schema(parameters=query(InstanceFilter), responses=numbered(InstanceSerializer))
    def get(self, request: Request) -> Response:
        """List instances."""
        values = paging.parameters(request, InstanceFilter)
        rows = Instance.objects.visible_to(user_of(request)).select_related(
            "account", "region", "backend", "credential"
        )
        if values["search"]:
            matches = Q()
            for column in ("name", "instance_id", "endpoint_url"):
                matches |= Q(**{f"{column}__icontains": values["search"]})
            rows = rows.filter(matches)
        if values["edition"]:
            rows = rows.filter(edition=values["edition"])
        if values["region"]:
            rows = rows.filter(region__code=values["region"])
        rows = rows.order_by(values["ordering"] or "name", "pk")
        return Response(paging.by_number(request, values, rows, _represent))

    @extend_schema(request=NewInstance, responses={HTTPStatus.CREATED: InstanceSerializer})
    def post(self, request: Request) -> Response:
        """
        Create an instance of one's own account.

        Its connection is tried before, unless `skip_check` is true.
        """
        account = own_account(request)
        form = InstanceForm(NewInstance.read(request), account=account, by=user_of(request))
        instance = bodies.save(form, form.save)
        location = reverse("api:instance", args=[instance.instance_id])
        return Response(
            InstanceSerializer(instance).data, status=HTTPStatus.CREATED, headers={"Location": location}
        )


class InstanceDetail(ApiView):
    """One instance."""

    scopes = _ADMIN

    @extend_schema(responses=InstanceSerializer)
    def get(self, request: Request, instance_id: str) -> Response:
        """Show an instance."""
        return Response(InstanceSerializer(access.get_instance_or_404(user_of(request), instance_id)).data)

    @extend_schema(request=InstanceChange, responses=InstanceSerializer)
    def patch(self, request: Request, instance_id: str) -> Response:
        """
        Change an instance.

        A new connection is tried before, unless `skip_check` is true.
        """
        instance = access.get_instance_or_404(user_of(request), instance_id)
        permissions.check(user_of(request), Permission.MANAGE, instance)
        data = InstanceChange.read(request, values_of(instance))
        form = InstanceForm(data, account=instance.account, by=user_of(request), instance=instance)
        bodies.save(form, form.save)
        return Response(InstanceSerializer(access.get_instance_or_404(user_of(request), instance_id)).data)

    @extend_schema(responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, instance_id: str) -> Response:
        """
        Delete an instance with its credentials and logs.

        What a connected registry holds is not touched. Refused, naming all that stands in the way, while it is
        protected, rules, replicas or namespaces use it, or a hosted one holds images.
        """
        instance = access.get_instance_or_404(user_of(request), instance_id)
        instances.delete(instance=instance, by=user_of(request), now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


class ConnectionTest(ApiView):
    """The stored connection of an instance."""

    scopes = _ADMIN

    @extend_schema(request=None, responses={HTTPStatus.OK: ConnectionTestSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Test the connection step by step; takes a minute at worst."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        report = connections.test(instance=instance, by=user_of(request), now=timezone.now())
        return Response({"is_ok": report.failed is None, "steps": [step.as_json() for step in report.steps]})


class HookConfiguration(ApiView):
    """How the registry of an instance tells Regatta of pushes."""

    scopes = {"GET": TokenScope.ADMIN, "POST": TokenScope.ADMIN}

    @extend_schema(responses=HookSerializer)
    def get(self, request: Request, instance_id: str) -> Response:
        """
        Show what to write into the configuration of the registry.

        The answer holds the secret of the hook, which is made at the first call.
        """
        instance = access.get_instance_or_404(user_of(request), instance_id)
        secret = hooks.get_or_create_secret(holder=instance, by=user_of(request), now=timezone.now())
        return _hook_response(instance, secret)

    @extend_schema(request=None, responses={HTTPStatus.OK: HookSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Replace the secret of the hook; the old one is worthless at once."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        secret = hooks.rotate_secret(holder=instance, by=user_of(request), now=timezone.now())
        return _hook_response(instance, secret)


def _hook_response(instance: Instance, secret: str) -> Response:
    hook = Hook.of(instance, secret)
    body = {
        "url": hook.url,
        "authorization": hook.authorization,
        "docker_registry": hook.docker_registry(),
        "docker_registry_yaml": hook.docker_registry_yaml(),
        "harbor": hook.harbor(),
    }
    return Response(body, headers={"Cache-Control": "no-store"})


def _represent(rows: Sequence[Instance]) -> Any:
    return InstanceSerializer(rows, many=True).data
