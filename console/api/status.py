"""How things are: counts of what the caller sees, and for the platform's staff the queue and the workers."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api.view import ApiView, user_of
from registries import permissions
from syncjobs.queries import overview
from syncjobs.queries import status as status_queries

_COUNTS = (
    "instance_count",
    "unhealthy_count",
    "rule_count",
    "enabled_rule_count",
    "active_count",
    "succeeded_count",
    "failed_count",
    "stopped_count",
    "bytes_copied",
    "success_ratio",
)


class WorkerSerializer(serializers.Serializer[Any]):
    """A worker and its last sign of life."""

    name = serializers.CharField()
    is_supervisor = serializers.BooleanField()
    is_alive = serializers.BooleanField()
    heartbeat_age_seconds = serializers.FloatField()
    job_count = serializers.IntegerField()


class PlatformSerializer(serializers.Serializer[Any]):
    """The queue and the workers; ages are in seconds, 0 where nothing waits."""

    active_executions = serializers.DictField(child=serializers.IntegerField())
    finished_24h = serializers.DictField(child=serializers.IntegerField())
    tags_24h = serializers.DictField(child=serializers.IntegerField())
    bytes_copied_24h = serializers.IntegerField()
    due_job_count = serializers.IntegerField()
    oldest_due_job_seconds = serializers.FloatField()
    waiting_job_count = serializers.IntegerField()
    running_job_count = serializers.IntegerField()
    doorbell_count = serializers.IntegerField()
    paused_count = serializers.IntegerField()
    unhandled_event_count = serializers.IntegerField()
    oldest_event_seconds = serializers.FloatField()
    workers = WorkerSerializer(many=True)


class StatusSerializer(serializers.Serializer[Any]):
    """Counts; those of executions and bytes are of the last 24 hours. `platform` is null for all but staff."""

    instance_count = serializers.IntegerField()
    unhealthy_count = serializers.IntegerField()
    rule_count = serializers.IntegerField()
    enabled_rule_count = serializers.IntegerField()
    active_count = serializers.IntegerField()
    succeeded_count = serializers.IntegerField()
    failed_count = serializers.IntegerField()
    stopped_count = serializers.IntegerField()
    bytes_copied = serializers.IntegerField()
    success_ratio = serializers.FloatField(allow_null=True)
    has_live_worker = serializers.BooleanField()
    platform = PlatformSerializer(allow_null=True)


class Status(ApiView):
    """The state of things."""

    @extend_schema(responses=StatusSerializer)
    def get(self, request: Request) -> Response:
        """Show how things are."""
        user, now = user_of(request), timezone.now()
        seen = overview.overview(user, now)
        platform = status_queries.get_status(now)
        facts = {name: getattr(seen, name) for name in _COUNTS} | {
            "has_live_worker": platform.has_live_worker,
            "platform": asdict(platform) if permissions.is_platform(user) else None,
        }
        return Response(StatusSerializer(facts).data)
