"""Executions: the log of rules and replicas, one of them in detail, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from http import HTTPStatus
from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import paging
from console.api.pages import cursored, numbered
from console.api.paging import CursorForm, PageForm
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries.forms.fields import MomentField
from registries.models import Replica, ReplicaStatus
from syncjobs import reasons
from syncjobs.models import Execution, Outcome, OutcomeStatus, Trigger
from syncjobs.models.execution import STATUS_CHOICES
from syncjobs.queries import executions as execution_queries
from syncjobs.queries import newest
from syncjobs.queries.executions import JobRow
from syncjobs.services import executions

_ANY = ("", "")
_LARGEST_ID = 2**63 - 1


class ExecutionFilter(CursorForm):
    """The filter of the log."""

    rule = forms.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID, help_text="ID of a rule.")
    source = forms.CharField(required=False, max_length=12, help_text="ID of a source instance.")
    replica = forms.CharField(required=False, max_length=40, help_text="ID of a replica.")
    status = forms.ChoiceField(required=False, choices=[_ANY, *STATUS_CHOICES])
    trigger = forms.ChoiceField(required=False, choices=[_ANY, *Trigger.choices])
    since = MomentField(required=False, help_text="Not created before this time.")
    until = MomentField(required=False, help_text="Created before this time.")


class JobFilter(PageForm):
    """The filter of the repositories of an execution."""

    status = forms.ChoiceField(required=False, choices=[_ANY, *STATUS_CHOICES])


class OutcomeFilter(CursorForm):
    """The filter of the tags of an execution."""

    status = forms.ChoiceField(required=False, choices=[_ANY, *OutcomeStatus.choices])
    job = forms.IntegerField(required=False, min_value=1, max_value=_LARGEST_ID, help_text="ID of a job.")


class ExecutionSerializer(serializers.ModelSerializer[Execution]):
    """An execution; its id is the Task ID of the console. Counts are those of finished attempts."""

    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes declared fields away
        source="source.instance_id", read_only=True
    )
    replica = serializers.CharField(source="replica_name", read_only=True)
    started_by = serializers.CharField(
        source="started_by.login", read_only=True, default=None, allow_null=True
    )
    duration_seconds = serializers.SerializerMethodField()
    success_ratio = serializers.FloatField(read_only=True, allow_null=True)
    reason_text = serializers.SerializerMethodField()

    class Meta:
        model = Execution
        fields = (
            "id",
            "source",
            "rule",
            "replica",
            "trigger",
            "status",
            "reason",
            "reason_text",
            "reason_detail",
            "started_by",
            "created_at",
            "started_at",
            "finished_at",
            "stop_requested_at",
            "paused_until",
            "next_attempt_at",
            "duration_seconds",
            "success_ratio",
            "repository_count",
            "succeeded_repository_count",
            "failed_repository_count",
            "copied_count",
            "up_to_date_count",
            "skipped_count",
            "failed_count",
            "deleted_count",
            "bytes_copied",
        )

    def get_duration_seconds(self, execution: Execution) -> float | None:
        """Return how long it took, or has taken so far."""
        return seconds_of(execution.duration(timezone.now()))

    def get_reason_text(self, execution: Execution) -> str:
        """Return the reason in words."""
        return str(reasons.text(execution.reason))


class ProgressSerializer(serializers.Serializer[Any]):
    """How far an execution is, with what the running attempts have done so far."""

    repositories = serializers.DictField(
        child=serializers.IntegerField(), help_text="Their number by status."
    )
    retryable_count = serializers.IntegerField()
    copied = serializers.IntegerField()
    up_to_date = serializers.IntegerField()
    skipped = serializers.IntegerField()
    failed = serializers.IntegerField()
    deleted = serializers.IntegerField()
    bytes_copied = serializers.IntegerField()
    bytes_per_second = serializers.FloatField(allow_null=True)
    remaining_seconds = serializers.FloatField(allow_null=True)
    is_paused = serializers.BooleanField()


class ExecutionDetailSerializer(ExecutionSerializer):
    """An execution with its progress."""

    progress = serializers.SerializerMethodField()

    class Meta(ExecutionSerializer.Meta):
        fields = (*ExecutionSerializer.Meta.fields, "progress")  # type: ignore[assignment]

    @extend_schema_field(ProgressSerializer)
    def get_progress(self, execution: Execution) -> Any:
        """Return the progress."""
        summary = execution_queries.summarize(execution, timezone.now())
        names = ("copied", "up_to_date", "skipped", "failed", "deleted", "bytes_copied")
        facts = {name: getattr(summary.counts, name) for name in names} | {
            "repositories": summary.repositories,
            "retryable_count": summary.retryable_count,
            "bytes_per_second": summary.bytes_per_second,
            "remaining_seconds": seconds_of(summary.remaining),
            "is_paused": summary.is_paused,
        }
        return ProgressSerializer(facts).data


class JobSerializer(serializers.Serializer[Any]):
    """One repository of an execution; `state` is its status, or "waiting" for one that will be tried again."""

    id = serializers.IntegerField(source="job.pk")
    kind = serializers.CharField(source="job.kind")
    source_repository = serializers.CharField(source="job.source_repository")
    target_repository = serializers.CharField(source="job.target_repository")
    state = serializers.CharField()
    reason = serializers.CharField(source="job.reason")
    reason_text = serializers.SerializerMethodField()
    reason_detail = serializers.CharField(source="job.reason_detail")
    attempt = serializers.IntegerField(source="job.attempt")
    not_before = serializers.DateTimeField(source="job.not_before")
    started_at = serializers.DateTimeField(source="job.started_at", allow_null=True)
    finished_at = serializers.DateTimeField(source="job.finished_at", allow_null=True)
    copied = serializers.IntegerField(source="counts.copied")
    up_to_date = serializers.IntegerField(source="counts.up_to_date")
    skipped = serializers.IntegerField(source="counts.skipped")
    failed = serializers.IntegerField(source="counts.failed")
    deleted = serializers.IntegerField(source="counts.deleted")
    bytes_copied = serializers.IntegerField(source="counts.bytes_copied")

    def get_reason_text(self, row: JobRow) -> str:
        """Return the reason in words."""
        return str(reasons.text(row.job.reason, row.job.reason_side))


class OutcomeSerializer(serializers.ModelSerializer[Outcome]):
    """What became of one tag; tags that were up to date are only counted."""

    job = serializers.IntegerField(source="job_id", read_only=True)
    repository = serializers.CharField(source="job.source_repository", read_only=True)
    reason_text = serializers.SerializerMethodField()

    class Meta:
        model = Outcome
        fields = (
            "id",
            "job",
            "repository",
            "tag",
            "status",
            "artifact_type",
            "digest",
            "bytes_copied",
            "reason",
            "reason_text",
            "reason_detail",
            "is_retryable",
            "happened_at",
        )

    def get_reason_text(self, outcome: Outcome) -> str:
        """Return the reason in words."""
        return str(reasons.text(outcome.reason, outcome.reason_side))


class ExecutionList(ApiView):
    """The log."""

    @extend_schema(parameters=query(ExecutionFilter), responses=cursored(ExecutionSerializer))
    def get(self, request: Request) -> Response:
        """List executions, the newest first."""
        values, user = paging.parameters(request, ExecutionFilter), user_of(request)
        rows = Execution.objects.visible_to(user).select_related("source", "started_by")
        wanted = {
            "rule": values["rule"],
            "source__instance_id": values["source"],
            **_of_replica(values["replica"]),
            "trigger": values["trigger"],
            "created_at__gte": values["since"],
            "created_at__lt": values["until"],
        }
        rows = rows.filter(**{name: value for name, value in wanted.items() if value})
        if values["status"]:
            rows = newest.with_status(rows, values["status"])
        # These have an index of their own, or leave so few that all would be read along the one of the source.
        is_narrow = any(values[name] for name in ("rule", "source", "replica", "trigger"))

        def pick(found: QuerySet[Execution], count: int) -> list[int]:
            return newest.list_ids(found, user=user, count=count)

        return Response(paging.by_cursor(request, values, rows, _represent, pick=None if is_narrow else pick))


class ExecutionDetail(ApiView):
    """One execution."""

    @extend_schema(responses=ExecutionDetailSerializer)
    def get(self, request: Request, execution_id: int) -> Response:
        """Show an execution."""
        execution = access.get_execution_or_404(user_of(request), execution_id)
        return Response(ExecutionDetailSerializer(execution).data)


class JobList(ApiView):
    """The repositories of an execution."""

    @extend_schema(parameters=query(JobFilter), responses=numbered(JobSerializer))
    def get(self, request: Request, execution_id: int) -> Response:
        """List the repositories of an execution, those with trouble first."""
        execution = access.get_execution_or_404(user_of(request), execution_id)
        values = paging.parameters(request, JobFilter)
        rows = execution_queries.list_jobs(execution, status=values["status"])
        return Response(
            paging.by_number(request, values, rows, lambda found: JobSerializer(found, many=True).data)
        )


class OutcomeList(ApiView):
    """The tags of an execution."""

    @extend_schema(parameters=query(OutcomeFilter), responses=cursored(OutcomeSerializer))
    def get(self, request: Request, execution_id: int) -> Response:
        """List what became of tags, the latest first."""
        execution = access.get_execution_or_404(user_of(request), execution_id)
        values = paging.parameters(request, OutcomeFilter)
        rows = execution.outcomes.select_related("job")
        if values["status"]:
            rows = rows.filter(status=values["status"])
        if values["job"]:
            rows = rows.filter(job=values["job"])
        return Response(
            paging.by_cursor(request, values, rows, lambda found: OutcomeSerializer(found, many=True).data)
        )


class ExecutionStop(ApiView):
    """The end of an execution."""

    @extend_schema(request=None, responses={HTTPStatus.ACCEPTED: ExecutionSerializer})
    def post(self, request: Request, execution_id: int) -> Response:
        """Stop an execution: what no worker has taken at once, the rest within moments."""
        return _act(request, execution_id, executions.stop)


class ExecutionRetry(ApiView):
    """What failed in an execution."""

    @extend_schema(request=None, responses={HTTPStatus.ACCEPTED: ExecutionSerializer})
    def post(self, request: Request, execution_id: int) -> Response:
        """Run the failed and stopped repositories of an execution again."""
        return _act(request, execution_id, executions.retry_failed)


def _of_replica(replica_id: str) -> dict[str, Any]:
    """Return the filter for a replica; of one that is going or gone its name tells, which no index knows."""
    living = Replica.objects.filter(replica_id=replica_id).exclude(status=ReplicaStatus.DELETING)
    return {"replica": living.first() if replica_id else None, "replica_name": replica_id}


def seconds_of(span: timedelta | None) -> float | None:
    """Return the length in seconds, to the millisecond."""
    return None if span is None else round(span.total_seconds(), 3)


def _act(request: Request, execution_id: int, act: Callable[..., None]) -> Response:
    execution = access.get_execution_or_404(user_of(request), execution_id)
    act(execution=execution, by=user_of(request), now=timezone.now())
    execution = access.get_execution_or_404(user_of(request), execution_id)
    return Response(ExecutionSerializer(execution).data, status=HTTPStatus.ACCEPTED)


def _represent(rows: Sequence[Execution]) -> Any:
    return ExecutionSerializer(rows, many=True).data
