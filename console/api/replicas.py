"""Replicas of premium instances: created, compared, repaired, deleted; source: seed 004."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import bodies, paging
from console.api.bodies import FormBody
from console.api.executions import ExecutionSerializer
from console.api.pages import numbered
from console.api.paging import PageForm
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries import permissions
from registries.models import Instance, Permission, Replica, TokenScope
from syncjobs.models import DriftReport, Execution
from syncjobs.queries import replica_rows
from syncjobs.replica_form import ReplicaForm
from syncjobs.services import deployments, replication

_ADMIN = dict.fromkeys(("POST", "DELETE"), TokenScope.ADMIN)


class ReplicaFilter(PageForm):
    """The filter of the list."""

    primary = forms.CharField(required=False, max_length=12, help_text="ID of a primary instance.")


class DriftReportSerializer(serializers.ModelSerializer[DriftReport]):
    """What a full comparison of digests found; `lines` are the first differences."""

    execution = serializers.IntegerField(source="execution_id", read_only=True, allow_null=True)
    lines = serializers.ListField(child=serializers.DictField())

    class Meta:
        model = DriftReport
        fields = (
            "checked_at",
            "execution",
            "is_complete",
            "compared_count",
            "missing_count",
            "different_count",
            "surplus_count",
            "lines",
        )


class ReplicaSerializer(serializers.Serializer[Any]):
    """A replica; `failed_tag_count` is how many tags it lacks because they could not be copied."""

    replica_id = serializers.CharField(source="replica.replica_id")
    primary = serializers.CharField(source="replica.primary.instance_id")
    region = serializers.CharField(source="replica.region.code")
    status = serializers.CharField(source="replica.status")
    address = serializers.CharField(source="replica.address")
    state = serializers.CharField(source="condition.value")
    artifacts_behind = serializers.IntegerField(source="state.lag.artifacts_behind")
    seconds_behind = serializers.FloatField(source="state.lag.seconds_behind")
    last_success_at = serializers.DateTimeField(source="state.last_success_at", allow_null=True)
    failed_execution = serializers.IntegerField(source="failure.execution.pk", default=None, allow_null=True)
    failed_tag_count = serializers.IntegerField(source="failure.tag_count", default=0)
    active_execution = serializers.IntegerField(source="state.active_scan.pk", default=None, allow_null=True)
    drift = DriftReportSerializer(source="state.drift_report", allow_null=True)
    running_since = serializers.DateTimeField(source="replica.running_since", allow_null=True)
    created_at = serializers.DateTimeField(source="replica.created_at")


class NewReplica(FormBody):
    """A new replica."""

    form = ReplicaForm


class ReplicaList(ApiView):
    """Replicas of all instances."""

    @extend_schema(parameters=query(ReplicaFilter), responses=numbered(ReplicaSerializer))
    def get(self, request: Request) -> Response:
        """List replicas."""
        values = paging.parameters(request, ReplicaFilter)
        rows = _visible(request).order_by("primary__name", "region__numeric_id")
        if values["primary"]:
            rows = rows.filter(primary__instance_id=values["primary"])
        return Response(paging.by_number(request, values, rows, _represent))


class ReplicaCreation(ApiView):
    """Replicas of one primary."""

    scopes = _ADMIN

    @extend_schema(request=NewReplica, responses={HTTPStatus.CREATED: ReplicaSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Create a replica of an instance in another region; its back-fill begins at once."""
        primary = access.get_instance_or_404(user_of(request), instance_id)
        permissions.check(user_of(request), Permission.MANAGE, primary)
        form = ReplicaForm(NewReplica.read(request), primary=primary, by=user_of(request))
        replica = bodies.save(form, form.save)
        (body,) = _represent([replica])
        location = reverse("api:replica", args=[replica.replica_id])
        return Response(body, status=HTTPStatus.CREATED, headers={"Location": location})


class ReplicaDetail(ApiView):
    """One replica."""

    scopes = _ADMIN

    @extend_schema(responses=ReplicaSerializer)
    def get(self, request: Request, replica_id: str) -> Response:
        """Show a replica."""
        (body,) = _represent([access.get_replica_or_404(user_of(request), replica_id)])
        return Response(body)

    @extend_schema(responses={HTTPStatus.ACCEPTED: ReplicaSerializer})
    def delete(self, request: Request, replica_id: str) -> Response:
        """Delete a replica with its content; the last thing to go is the replica itself."""
        replica = access.get_replica_or_404(user_of(request), replica_id)
        deployments.remove(replica=replica, by=user_of(request), now=timezone.now())
        (body,) = _represent([access.get_replica_or_404(user_of(request), replica_id)])
        return Response(body, status=HTTPStatus.ACCEPTED)


class DriftCheck(ApiView):
    """A comparison."""

    @extend_schema(request=None, responses={HTTPStatus.ACCEPTED: ExecutionSerializer})
    def post(self, request: Request, replica_id: str) -> Response:
        """Compare all digests of a replica with those of its primary."""
        return _start(request, replica_id, replication.check_drift)


class Repair(ApiView):
    """A repair."""

    @extend_schema(request=None, responses={HTTPStatus.ACCEPTED: ExecutionSerializer})
    def post(self, request: Request, replica_id: str) -> Response:
        """
        Make a replica equal to its primary.

        Tags may be deleted that the safety brake of a sweep keeps.
        """
        return _start(request, replica_id, replication.repair)


def _visible(request: Request) -> QuerySet[Replica]:
    visible = Replica.objects.filter(primary__in=Instance.objects.visible_to(user_of(request)))
    return visible.select_related("primary__account", "primary__region", "region", "backend")


def _start(request: Request, replica_id: str, act: Callable[..., Execution]) -> Response:
    replica = access.get_replica_or_404(user_of(request), replica_id)
    execution = act(replica=replica, by=user_of(request), now=timezone.now())
    location = reverse("api:execution", args=[execution.pk])
    body = ExecutionSerializer(execution).data
    return Response(body, status=HTTPStatus.ACCEPTED, headers={"Location": location})


def _represent(found: Sequence[Replica]) -> Any:
    return ReplicaSerializer(replica_rows.list_rows(found, timezone.now()), many=True).data
