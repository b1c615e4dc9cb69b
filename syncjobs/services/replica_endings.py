"""
What the end of an execution means for its replica: it runs, it has a drift report, or it is gone.

Called in the transaction that ends the execution, by `executions.settle` only.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from registries.models import Replica, ReplicaStatus
from syncjobs import reasons
from syncjobs.models import MIRROR_SCANS, DriftReport, Execution, Job, Outcome, Trigger
from syncjobs.models.drift_report import MOST_LINES
from syncjobs.states import Status

_DIFFERENCES = {
    reasons.DRIFT_MISSING: "missing",
    reasons.DRIFT_DIFFERENT: "different",
    reasons.DRIFT_SURPLUS: "surplus",
}
_REPORTS_KEPT = 100


def conclude(execution_pk: int, *, now: datetime) -> None:
    """Draw the conclusions from an execution that has just ended; nothing to do for one of a rule."""
    execution = Execution.objects.filter(pk=execution_pk).select_related("replica").first()
    if execution is None or execution.replica is None:
        return
    replica = Replica.objects.filter(pk=execution.replica.pk)
    if execution.trigger in MIRROR_SCANS and _has_tried_everything(execution):
        replica.filter(status=ReplicaStatus.DEPLOYING).update(status=ReplicaStatus.RUNNING, running_since=now)
    elif execution.trigger == Trigger.DRIFT and execution.status != Status.STOPPED:
        _report(execution, now)
    elif execution.trigger == Trigger.REMOVAL and execution.status == Status.SUCCEEDED:
        _note_removal(execution)
        replica.delete()


def _has_tried_everything(execution: Execution) -> bool:
    """
    Tell whether each tag of the primary was copied, or was refused in a way that another attempt will not change.

    A replica with such tags is of use for all the others: it runs, and what it lacks is shown as a failure.
    """
    if execution.status == Status.FAILED:
        return not Job.objects.filter(execution=execution).untried().exists()
    return execution.status == Status.SUCCEEDED


def _report(execution: Execution, now: datetime) -> None:
    differing = Outcome.objects.filter(execution=execution, reason__in=_DIFFERENCES).order_by("pk")
    counts = Counter(differing.values_list("reason", flat=True))
    first = differing.values_list("job__source_repository", "tag", "reason")[:MOST_LINES]
    DriftReport.objects.update_or_create(
        execution=execution,
        defaults={
            "replica_id": execution.replica_id,
            "checked_at": now,
            "is_complete": execution.status == Status.SUCCEEDED,
            "compared_count": execution.up_to_date_count + execution.skipped_count,
            "missing_count": counts[reasons.DRIFT_MISSING],
            "different_count": counts[reasons.DRIFT_DIFFERENT],
            "surplus_count": counts[reasons.DRIFT_SURPLUS],
            "lines": [
                {"repository": repository, "tag": tag, "difference": _DIFFERENCES[reason]}
                for repository, tag, reason in first
            ],
        },
    )
    of_replica = DriftReport.objects.filter(replica=execution.replica_id).order_by("-pk")
    old = list(of_replica.values_list("pk", flat=True)[_REPORTS_KEPT:])
    DriftReport.objects.filter(pk__in=old).delete()


def _note_removal(execution: Execution) -> None:
    """Say on the execution, which stays, what the replica's content was."""
    found: Counter[str] = Counter()
    for findings in Job.objects.filter(execution=execution).values_list("findings", flat=True):
        found.update(findings)
    Execution.objects.filter(pk=execution.pk).update(
        reason=reasons.REPLICA_REMOVED,
        reason_detail=(
            f"{execution.deleted_count} tags and {found['manifests']} manifests were deleted. Garbage collection "
            f"of the backend frees up to {found['blobs']} blobs with {found['blob_bytes']} bytes."
        ),
    )
