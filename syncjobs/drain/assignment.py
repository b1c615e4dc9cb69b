"""What a claimed job is about, read once from the database: the async side sees no model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from zoneinfo import ZoneInfo

from registries.bandwidth import Window, limit_at
from registries.oci.endpoint import Endpoint
from registries.transfer.plan import CopyOptions
from syncjobs.planner import Selection


@dataclass(frozen=True, slots=True)
class Limits:
    """What the owner of a registry, or a rule, allows; windows are hours of the day in `time_zone`."""

    requests_per_second: float | None = None
    bandwidth: int | None = None
    windows: tuple[Window, ...] = ()
    time_zone: str = "UTC"

    def bandwidth_at(self, now: datetime) -> int | None:
        """Return the bytes per second that hold now, None if there is no limit."""
        local = now.astimezone(ZoneInfo(self.time_zone))
        return limit_at(local, base=self.bandwidth, windows=self.windows)


class Work(Enum):
    """What a job does with its repository; discovery finds the repositories for it."""

    COPY = "copy"
    MIRROR = "mirror"
    COMPARE = "compare"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Assignment:
    """
    One claimed job.

    `tags` None means: those that the selection finds in the source's list. `previous` is what earlier attempts
    stored, tag → (status, digest), so that a tag copied before a worker died still counts as copied.
    With a suspect, several workers have died. A job of a replica has a `replica_id` instead of a `rule_id`; of
    its mirror, `is_confirmed` says that somebody took the safety brake off. No wait for another attempt is longer
    than `longest_wait_seconds`.
    """

    job_id: int
    execution_id: int
    account_id: int
    is_discovery: bool
    attempt: int
    selection: Selection
    options: CopyOptions
    source: Endpoint
    target: Endpoint
    source_repository: str
    target_repository: str
    tags: tuple[str, ...] | None
    deleted_tags: tuple[str, ...]
    rule_id: int | None
    rule_limits: Limits
    source_limits: Limits
    target_limits: Limits
    retry_until: datetime
    has_failed_before: bool
    failed_for_good_count: int
    is_suspect: bool = False
    previous: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    work: Work = Work.COPY
    replica_id: int | None = None
    is_confirmed: bool = False
    longest_wait_seconds: float = 600.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something ended as it did: a code of `syncjobs/reasons.py`, the side, and the registry's own words."""

    code: str = ""
    side: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A claimed job that cannot be worked on at all."""

    job_id: int
    execution_id: int
    reason: Reason
    is_stop: bool = False
