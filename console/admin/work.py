"""
Rules, executions, workers, limits.

django-q2's own tables are doorbells, and nothing reads groups: there is nothing to be seen or changed in either.
"""

from __future__ import annotations

from datetime import datetime

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_q.models import Failure, OrmQ, Schedule, Success

from console.admin.acting import for_each
from console.admin.read_only import ReadOnlyAdmin
from registries.models import ThrottleWindow, User
from syncjobs.models import DriftReport, Execution, Job, LagSample, Outcome, PushEvent, Rule, Worker
from syncjobs.services import executions

for _model in (Failure, Group, OrmQ, Schedule, Success):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


@admin.register(Rule)
class RuleAdmin(ReadOnlyAdmin):
    """Synchronization rules of all tenants."""

    list_display = ("name", "source", "namespace", "target", "is_cross_tenant", "is_enabled", "next_run_at")
    list_filter = ("is_enabled", "is_cross_tenant", "artifact_type")
    list_select_related = ("source", "target")
    search_fields = ("name", "source__name", "source__instance_id", "target__instance_id", "namespace")


@admin.register(Execution)
class ExecutionAdmin(ReadOnlyAdmin):
    """Runs of rules and replicas."""

    list_display = (
        "id",
        "rule",
        "replica",
        "source",
        "trigger",
        "status",
        "reason",
        "created_at",
        "finished_at",
    )
    list_filter = ("status", "trigger")
    list_select_related = ("rule", "replica", "source")
    search_fields = ("=id", "rule__name", "source__name")
    actions = ("stop", "retry_failed")

    @admin.action(description=_("Stop the selected executions"), permissions=["view"])
    def stop(self, request: HttpRequest, rows: QuerySet[Execution]) -> None:
        """Ask the workers to stop, as the console does."""
        for_each(request, rows.select_related("source__account"), _stop)

    @admin.action(description=_("Put back into the queue what failed or was stopped"), permissions=["view"])
    def retry_failed(self, request: HttpRequest, rows: QuerySet[Execution]) -> None:
        """Try failed repositories again, as the console does."""
        for_each(request, rows.select_related("source__account"), _retry_failed)


@admin.register(Job)
class JobAdmin(ReadOnlyAdmin):
    """Repositories inside executions, as workers claim them."""

    list_display = (
        "id",
        "execution",
        "source_repository",
        "status",
        "attempt",
        "not_before",
        "lease_until",
        "reason",
    )
    list_filter = ("status", "queue", "kind")
    list_select_related = ("execution",)
    search_fields = ("=id", "=execution__id", "source_repository")
    exclude = ("lease_token",)


@admin.register(Outcome)
class OutcomeAdmin(ReadOnlyAdmin):
    """What became of single tags."""

    list_display = ("id", "execution", "job", "tag", "status", "reason", "happened_at")
    list_filter = ("status",)
    list_select_related = ("execution", "job")
    search_fields = ("=execution__id", "=tag")


@admin.register(PushEvent)
class PushEventAdmin(ReadOnlyAdmin):
    """What registries told."""

    list_display = ("id", "instance", "action", "repository", "tag", "received_at", "handled_at")
    list_filter = ("action",)
    list_select_related = ("instance",)
    search_fields = ("repository", "instance__name", "=event_id")


@admin.register(Worker)
class WorkerAdmin(ReadOnlyAdmin):
    """Workers by their heartbeats."""

    list_display = ("name", "is_supervisor", "job_count", "started_at", "heartbeat_at")
    exclude = ("token",)


@admin.register(ThrottleWindow)
class ThrottleWindowAdmin(ReadOnlyAdmin):
    """What is left of limits that hold over all processes."""

    list_display = ("name", "used_count", "updated_at")
    search_fields = ("name",)


@admin.register(DriftReport)
class DriftReportAdmin(ReadOnlyAdmin):
    """What comparisons of replicas with their primaries found."""

    list_display = (
        "checked_at",
        "replica",
        "is_complete",
        "compared_count",
        "missing_count",
        "different_count",
        "surplus_count",
    )
    list_filter = ("is_complete",)
    list_select_related = ("replica",)
    search_fields = ("replica__replica_id", "replica__primary__name")


@admin.register(LagSample)
class LagSampleAdmin(ReadOnlyAdmin):
    """How far replicas were behind, minute by minute."""

    list_display = ("sampled_at", "replica", "artifacts_behind", "seconds_behind")
    list_select_related = ("replica",)
    search_fields = ("replica__replica_id",)


def _stop(execution: Execution, by: User, now: datetime) -> None:
    executions.stop(execution=execution, by=by, now=now)


def _retry_failed(execution: Execution, by: User, now: datetime) -> None:
    executions.retry_failed(execution=execution, by=by, now=now)
