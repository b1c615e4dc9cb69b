"""The four ways in which the vendor writes times; source: reference/tencent-api.md 1, time formats."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

NEVER = "0001-01-01T00:00:00Z"
_BEIJING = timezone(timedelta(hours=8))


def beijing(moment: datetime) -> str:
    """Return `2024-07-19T15:33:22+08:00`: of instances, tokens and replicas."""
    return moment.astimezone(_BEIJING).isoformat(timespec="seconds")


def precise(moment: datetime) -> str:
    """Return `2023-07-14T03:42:09.952790Z`: of executions and tasks."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def milliseconds(moment: datetime | None) -> int:
    """Return Unix milliseconds: the end of a credential; 0 where there is none."""
    return int(moment.timestamp() * 1000) if moment else 0
