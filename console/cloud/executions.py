"""
The logs of rules and replicas: executions, and the repositories of one of them.

Source: reference/tencent-api.md 1.1 and 3.3; seed 002, "View Synchronization Logs".
"""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Min, QuerySet
from django.utils.translation import gettext as _

from console.cloud import objects, times, windows
from console.cloud.actions import Action, Call, Right
from console.cloud.errors import not_found
from console.cloud.shapes import many, number, text
from syncjobs.models import ArtifactType, Execution, Job, JobKind, Outcome
from syncjobs.queries import executions as execution_queries
from syncjobs.queries.executions import JobRow
from syncjobs.states import API_WORDS, Status

_TASK_WORDS = {**API_WORDS, Status.PENDING: "Pending"}


def list_page(call: Call) -> dict[str, Any]:
    """Return a page of executions, the newest first: of a rule, of a replica, or of the whole instance."""
    found = _find(call)
    shown = found.order_by("-id")[windows.by_page(call.values)]
    return {
        "ReplicationExecutionList": [_describe(execution) for execution in shown],
        "TotalCount": found.count(),
    }


def list_tasks(call: Call) -> dict[str, Any]:
    """Return a page of the repositories of an execution, those with trouble first."""
    execution = (
        Execution.objects.filter(source=call.instance, pk=call.values["ExecutionId"])
        .select_related("rule")
        .first()
    )
    if execution is None:
        raise not_found(_("execution %(id)s") % {"id": call.values["ExecutionId"]})
    rows = execution_queries.list_jobs(execution)
    shown = rows[windows.by_page(call.values)]
    tags = _tags_of([row.job for row in shown])
    return {
        "ReplicationTaskList": [_describe_task(execution, row, tags.get(row.job.pk)) for row in shown],
        "TotalCount": rows.count(),
    }


def _find(call: Call) -> QuerySet[Execution]:
    found = Execution.objects.filter(source=call.instance)
    rule_id, replica_id = call.values.get("PolicyId", 0), call.values.get("ReplicationInstanceId", "")
    if rule_id:
        if not call.instance.rules.filter(pk=rule_id).exists():
            raise not_found(_("rule %(name)s") % {"name": rule_id})
        found = found.filter(rule=rule_id)
    if replica_id:
        found = found.filter(replica_name=replica_id)
        if not (call.instance.replicas.filter(replica_id=replica_id).exists() or found.exists()):
            raise not_found(_("replica %(id)s") % {"id": replica_id[:64]})
    return found


def _describe(execution: Execution) -> dict[str, Any]:
    return {
        "ExecutionID": execution.pk,
        "PolicyID": execution.rule_id,
        "Status": API_WORDS[Status(execution.status)],
        "Total": execution.repository_count,
        "Succeed": execution.succeeded_repository_count,
        "StartTime": times.precise(execution.started_at or execution.created_at),
        "EndTime": times.precise(execution.finished_at) if execution.finished_at else None,
    }


def _describe_task(execution: Execution, row: JobRow, tags: tuple[str, str] | None) -> dict[str, Any]:
    job, counts = row.job, row.counts
    count = counts.copied + counts.up_to_date + counts.skipped + counts.failed + counts.deleted
    first, kind = tags or ("", "")
    is_chart = kind == ArtifactType.CHART or (
        not kind and execution.rule is not None and execution.rule.artifact_type == ArtifactType.CHART
    )
    return {
        "ResourceType": "chart" if is_chart else "image",
        "SrcResource": _resource(job, job.source_repository, first, count),
        "DstResource": _resource(job, job.target_repository, first, count),
        "JobID": f"{job.pk:024x}",
        "Status": _TASK_WORDS[Status(job.status)],
        "StartTime": times.precise(job.started_at) if job.started_at else None,
        "EndTime": times.precise(job.finished_at) if job.finished_at else None,
    }


def _resource(job: Job, repository: str, first: str, count: int) -> str:
    """Return `ns/repo:[tag]`, or `ns/repo:[tag ... 3 in total]`; tags that were up to date have no names here."""
    if job.kind != JobKind.COPY or not count:
        return repository
    return (
        f"{repository}:[{first}]"
        if count == 1 and first
        else f"{repository}:[{first or '*'} ... {count} in total]"
    )


def _tags_of(jobs: list[Job]) -> dict[int, tuple[str, str]]:
    """Return the first tag of each job of which something is told, and what it is."""
    firsts = (
        Outcome.objects.filter(job__in=jobs)
        .values("job")
        .annotate(first=Min("id"), count=Count("id"))
        .order_by()
        .values_list("first", flat=True)
    )
    outcomes = Outcome.objects.filter(pk__in=list(firsts)).values_list("job", "tag", "artifact_type")
    return {job: (tag, kind) for job, tag, kind in outcomes}


ACTIONS = (
    Action(
        "DescribeReplicationExecutions",
        list_page,
        {
            "RegistryId": text(required=True),
            "PolicyId": number(),
            "ReplicationInstanceId": text(),
            "Page": number(),
            "PageSize": number(),
        },
        {
            "ReplicationExecutionList": many(objects.REPLICATION_EXECUTION),
            "TotalCount": number(required=True),
        },
        Right.VIEW,
        note="With neither `PolicyId` nor `ReplicationInstanceId`: those of the whole instance.",
    ),
    Action(
        "DescribeReplicationTasks",
        list_tasks,
        {
            "RegistryId": text(required=True),
            "ExecutionId": number(required=True),
            "Page": number(),
            "PageSize": number(),
        },
        {"ReplicationTaskList": many(objects.REPLICATION_TASK), "TotalCount": number(required=True)},
        Right.VIEW,
        note="Tags that were up to date already are counted, not named: `[* ... 3 in total]`.",
    ),
)
