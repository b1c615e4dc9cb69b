"""One execution as plain data: the same words for the command line and for programs."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

from syncjobs.models import Execution


class TagCounts(TypedDict):
    """What became of the tags; those up to date are counted without being copied."""

    copied: int
    up_to_date: int
    skipped: int
    failed: int


class Summary(TypedDict):
    """
    `success_ratio` is 0 to 1, None before any repository is known; `duration_seconds` None before the start.

    Times are ISO 8601 with an offset; `reason` is a code of `reasons.py`, "" if there is nothing to explain.
    """

    task_id: int
    account: str
    instance: str
    instance_id: str
    rule: str | None
    replica: str | None
    trigger: str
    status: str
    reason: str
    reason_detail: str
    created_at: str
    started_at: str | None
    finished_at: str | None
    next_attempt_at: str | None
    duration_seconds: float | None
    success_ratio: float | None
    repository_count: int
    failed_repository_count: int
    tags: TagCounts
    deleted_tag_count: int
    bytes_copied: int


def summarize(execution: Execution, now: datetime) -> Summary:
    """Return what is known of the execution; an unfinished one has lasted until `now`."""
    duration = execution.duration(now)
    return Summary(
        task_id=execution.pk,
        account=execution.source.account.uin,
        instance=execution.source.name,
        instance_id=execution.source.instance_id,
        rule=execution.rule.name if execution.rule else None,
        replica=execution.replica_name or None,
        trigger=execution.trigger,
        status=execution.status,
        reason=execution.reason,
        reason_detail=execution.reason_detail,
        created_at=execution.created_at.isoformat(),
        started_at=_iso(execution.started_at),
        finished_at=_iso(execution.finished_at),
        next_attempt_at=_iso(execution.next_attempt_at),
        duration_seconds=round(duration.total_seconds(), 3) if duration is not None else None,
        success_ratio=execution.success_ratio,
        repository_count=execution.repository_count,
        failed_repository_count=execution.failed_repository_count,
        tags=TagCounts(
            copied=execution.copied_count,
            up_to_date=execution.up_to_date_count,
            skipped=execution.skipped_count,
            failed=execution.failed_count,
        ),
        deleted_tag_count=execution.deleted_count,
        bytes_copied=execution.bytes_copied,
    )


def _iso(value: datetime | None) -> str | None:
    return value.isoformat() if value else None
