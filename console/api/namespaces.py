"""The namespaces that an instance knows by name; a registry makes one when something is pushed into it."""

from __future__ import annotations

from http import HTTPStatus

from django import forms
from django.shortcuts import get_object_or_404
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
from registries.forms.namespace import NamespaceForm
from registries.models import Namespace, Permission
from registries.services import namespaces


class NamespaceFilter(PageForm):
    """The filter of the list."""

    search = forms.CharField(required=False, max_length=128, help_text="Part of a name.")


class NamespaceSerializer(serializers.ModelSerializer[Namespace]):
    """A namespace."""

    class Meta:
        model = Namespace
        fields = ("name", "is_public", "created_at")


class NewNamespace(FormBody):
    """A new namespace."""

    form = NamespaceForm


class NamespaceList(ApiView):
    """Namespaces of an instance."""

    @extend_schema(parameters=query(NamespaceFilter), responses=numbered(NamespaceSerializer))
    def get(self, request: Request, instance_id: str) -> Response:
        """List the namespaces of an instance."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        values = paging.parameters(request, NamespaceFilter)
        rows = instance.namespaces.filter(name__icontains=values["search"]).order_by("name")
        return Response(
            paging.by_number(request, values, rows, lambda found: NamespaceSerializer(found, many=True).data)
        )

    @extend_schema(request=NewNamespace, responses={HTTPStatus.CREATED: NamespaceSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Create a namespace; nothing is sent to the registry."""
        instance = access.get_instance_or_404(user_of(request), instance_id)
        permissions.check(user_of(request), Permission.PUSH, instance)
        form = NamespaceForm(NewNamespace.read(request), holder=instance, by=user_of(request))
        return Response(NamespaceSerializer(bodies.save(form, form.save)).data, status=HTTPStatus.CREATED)


class NamespaceDetail(ApiView):
    """One namespace."""

    @extend_schema(responses=NamespaceSerializer)
    def get(self, request: Request, instance_id: str, name: str) -> Response:
        """Show a namespace."""
        return Response(NamespaceSerializer(_get_or_404(request, instance_id, name)).data)

    @extend_schema(responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, instance_id: str, name: str) -> Response:
        """Forget a namespace; what the registry holds is not touched."""
        namespace = _get_or_404(request, instance_id, name)
        namespaces.delete(namespace=namespace, by=user_of(request), now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


def _get_or_404(request: Request, instance_id: str, name: str) -> Namespace:
    instance = access.get_instance_or_404(user_of(request), instance_id)
    return get_object_or_404(instance.namespaces.select_related("instance__account"), name=name)
