"""
Replicas of premium instances.

Making and taking down take their time: a client polls until every status is `Running`, or the replica is gone.

Source: reference/tencent-api.md 0 (7), 1.2, 3.3 and 3.7; seed 004.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext as _

from console.cloud import objects, times, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError, invalid, missing, not_found, save
from console.cloud.shapes import flag, many, number, one, text
from registries import policies
from registries.models import Instance, Region, Replica, ReplicaStatus
from syncjobs.models import ArtifactType, Execution, Job, JobKind, Outcome, Trigger
from syncjobs.queries import create_tasks
from syncjobs.queries.create_tasks import CreateTask
from syncjobs.replica_form import ReplicaForm
from syncjobs.services import deployments
from syncjobs.states import API_WORDS, FINAL, Status

_NEVER_SYNCHRONIZED = "StatusUnKnow"
_SEEN = timedelta(seconds=3)
_ASIDE = (Trigger.DRIFT, Trigger.REMOVAL)


def create(call: Call) -> dict[str, Any]:
    """Create a replica; it is Deploying until everything has arrived for the first time."""
    region = _find_region(call)
    policies.check_can_replicate_to(call.instance, region)
    form = ReplicaForm({"region": region.code}, primary=call.instance, by=call.user)
    names = {"region": "ReplicationRegionId"}
    replica = save(form, form.save, call.now, codes={}, names=names)
    return {"ReplicationRegistryId": replica.replica_id}


def delete(call: Call) -> dict[str, Any]:
    """Begin to take a replica down; it is Deleting until its content is gone."""
    replica = _get(call.instance, call.values["ReplicationRegistryId"])
    if replica.region.numeric_id != call.values["ReplicationRegionId"]:
        raise invalid("ReplicationRegionId", _("The replica is in another region."))
    deployments.remove(replica=replica, by=call.user, now=call.now)
    return {}


def list_page(call: Call) -> dict[str, Any]:
    """Return the replicas of a primary; none at all for an edition that has none."""
    found = call.instance.replicas.select_related("region").order_by("created_at", "pk")
    return {
        "TotalCount": found.count(),
        "ReplicationRegistries": [
            {
                "RegistryId": call.instance.instance_id,
                "ReplicationRegistryId": replica.replica_id,
                "ReplicationRegionId": replica.region.numeric_id,
                "ReplicationRegionName": replica.region.code,
                "Status": _status(replica, call.now),
                "CreatedAt": times.beijing(replica.created_at),
            }
            for replica in found[windows.by_row(call.values)]
        ],
    }


def list_create_tasks(call: Call) -> dict[str, Any]:
    """Return the steps by which a replica came to be."""
    replica_id = call.values["ReplicationRegistryId"]
    replica = (
        Replica.objects.filter(primary__in=Instance.objects.visible_to(call.user), replica_id=replica_id)
        .select_related("region", "primary")
        .first()
    )
    if replica is None:
        raise _no_replica(replica_id)
    tasks = create_tasks.list_tasks(replica)
    return {
        "TaskDetail": [_describe_task(replica, task) for task in tasks],
        "Status": create_tasks.overall(tasks),
    }


def show_status(call: Call) -> dict[str, Any]:
    """Return what became of the latest copying to a replica, and one line of the log at most."""
    replica = _get(call.instance, call.values["ReplicationRegistryId"])
    copying = replica.executions.exclude(trigger__in=_ASIDE).order_by("-id")
    latest = copying.filter(status__in=FINAL).first()
    log = _find_log(replica, call) if call.values.get("ShowReplicationLog") else None
    return {
        "ReplicationStatus": API_WORDS[Status(latest.status)] if latest else _NEVER_SYNCHRONIZED,
        "ReplicationTime": times.precise(latest.finished_at)
        if latest and latest.finished_at
        else times.NEVER,
        "ReplicationLog": log,
    }


def _status(replica: Replica, now: datetime) -> str:
    """Return the vendor's word; a client that waits must see a new replica Deploying once, however fast it was."""
    is_new = replica.status == ReplicaStatus.RUNNING and now < replica.created_at + _SEEN
    return ReplicaStatus.DEPLOYING if is_new else replica.status


def _find_region(call: Call) -> Region:
    number_asked = call.values.get("ReplicationRegionId", 0)
    name = call.values.get("ReplicationRegionName", "")
    if not number_asked and not name:
        raise missing("ReplicationRegionId")
    regions = Region.objects.all()
    if number_asked:
        regions = regions.filter(numeric_id=number_asked)
    if name:
        regions = regions.filter(code=name)
    region = regions.first()
    if region is None:
        raise CloudError("InvalidParameter.UnsupportedRegion", _("There is no such region."))
    return region


def _get(primary: Instance, replica_id: str) -> Replica:
    replica = (
        primary.replicas.select_related("region", "primary__account").filter(replica_id=replica_id).first()
    )
    if replica is None:
        raise _no_replica(replica_id)
    return replica


def _no_replica(replica_id: str) -> CloudError:
    return not_found(_("replica %(id)s") % {"id": replica_id[:64]})


def _describe_task(replica: Replica, task: CreateTask) -> dict[str, Any]:
    execution = task.execution
    return {
        "TaskName": task.name,
        "TaskUUID": f"tcr-task-{replica.replica_id}-{execution.pk if execution else task.name}",
        "TaskStatus": task.status,
        "TaskMessage": execution.reason if execution else "",
        "CreatedTime": times.beijing(task.began_at) if task.began_at else "",
        "FinishedTime": times.beijing(task.ended_at) if task.ended_at else "",
    }


def _find_log(replica: Replica, call: Call) -> dict[str, Any] | None:
    """Return a repository of the latest executions: the newest, or `Offset` before it. An array breaks every SDK."""
    executions = Execution.objects.filter(replica=replica).exclude(trigger__in=_ASIDE)
    jobs = Job.objects.filter(execution__in=executions, kind=JobKind.COPY).order_by("-execution", "-id")
    window = windows.by_row(call.values, default=5, most=20)
    job = next(iter(jobs[window.start : window.start + 1]), None)
    if job is None:
        return None
    is_chart = Outcome.objects.filter(job=job, artifact_type=ArtifactType.CHART).exists()
    return {
        "ResourceType": "chart" if is_chart else "image",
        "Source": job.source_repository,
        "Destination": job.target_repository,
        "Status": API_WORDS[Status(job.status)],
        "StartTime": times.precise(job.started_at) if job.started_at else times.NEVER,
        "EndTime": times.precise(job.finished_at) if job.finished_at else times.NEVER,
    }


ACTIONS = (
    Action(
        "CreateReplicationInstance",
        create,
        {
            "RegistryId": text(required=True),
            "ReplicationRegionId": number(),
            "ReplicationRegionName": text(),
            "SyncTag": flag(),
        },
        {"ReplicationRegistryId": text(required=True)},
        Right.MANAGE,
        note="`SyncTag` means nothing: there are no cloud tags.",
    ),
    Action(
        "DeleteReplicationInstance",
        delete,
        {
            "RegistryId": text(required=True),
            "ReplicationRegistryId": text(required=True),
            "ReplicationRegionId": number(required=True),
        },
        {},
        Right.MANAGE,
    ),
    Action(
        "DescribeReplicationInstances",
        list_page,
        {"RegistryId": text(required=True), "Offset": number(), "Limit": number()},
        {
            "TotalCount": number(required=True),
            "ReplicationRegistries": many(objects.REPLICATION_REGISTRY, required=True),
        },
        Right.VIEW,
    ),
    Action(
        "DescribeReplicationInstanceCreateTasks",
        list_create_tasks,
        {"ReplicationRegistryId": text(required=True), "ReplicationRegionId": number(required=True)},
        {"TaskDetail": many(objects.TASK_DETAIL, required=True), "Status": text(required=True)},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="The back-fill is a third task, `BackfillTask`. `ReplicationRegionId` is not looked at.",
    ),
    Action(
        "DescribeReplicationInstanceSyncStatus",
        show_status,
        {
            "RegistryId": text(required=True),
            "ReplicationRegistryId": text(required=True),
            "ReplicationRegionId": number(),
            "ShowReplicationLog": flag(),
            "Offset": number(),
            "Limit": number(),
        },
        {
            "ReplicationStatus": text(required=True),
            "ReplicationTime": text(required=True),
            "ReplicationLog": one(objects.REPLICATION_LOG),
        },
        Right.VIEW,
        note=(
            "`ReplicationLog` is one object, the newest or the one `Offset` before it; "
            "the history is in `DescribeReplicationExecutions`."
        ),
    ),
)
