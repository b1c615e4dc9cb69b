"""Runs one claimed job against the registries and says how it ended. No database."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from registries.oci.errors import RegistryError, Throttled, TransientError
from registries.transfer.engine import Stopped
from registries.transfer.events import TagFinished
from registries.transfer.plan import RepositoryCopy
from syncjobs import planner, reasons
from syncjobs.drain import named
from syncjobs.drain.assignment import Assignment, Reason
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.recorder import Ending, JobRecord, backoff

LONGEST_NAME = 255

log = logging.getLogger(__name__)


async def discover(assignment: Assignment, pool: ClientPool) -> planner.RepositoryPlan:
    """
    Return the repositories that the rule selects at the source.

    The catalogue is not asked for when the rule's filter names its repositories. Names in it that no
    registry could serve are left out.

    Raises RegistryError if the source refuses the list: an empty list for lack of permission would look like
    success.
    """
    exact = planner.exact_repositories(assignment.selection)
    if exact is None:
        listed = await _collect(pool.client(assignment.source).list_repositories())
        exact = tuple(name for name in listed if name.isprintable() and len(name) <= LONGEST_NAME)
    return planner.plan_repositories(assignment.selection, exact)


async def copy(
    assignment: Assignment, record: JobRecord, pool: ClientPool, *, is_stopping: Callable[[], bool]
) -> Ending:
    """Copy the tags of one repository and return how the attempt ended; never raises for a registry's fault."""
    try:
        await _copy(assignment, record, pool, is_stopping)
    except Stopped:
        return Ending("stopped", Reason(reasons.STOPPED_BY_USER))
    except RegistryError as error:
        ending = ending_of_error(assignment, error)
        if ending.how == "failed" and assignment.tags is not None:
            left = tuple(tag for tag in assignment.tags if tag not in record.settled_tags)
            return replace(ending, retry_tags=left)
        return ending
    return _ending_of_tags(assignment, record)


def ending_of_error(assignment: Assignment, error: RegistryError) -> Ending:
    """Return how an attempt ends that failed as a whole: again later within the retry window, or for good."""
    reason = Reason(error.code, error.side or "", error.detail)
    if not isinstance(error, TransientError | Throttled):
        return Ending("failed", reason)
    retry_at = error.retry_at if isinstance(error, Throttled) else None
    not_before = _next_attempt(assignment, retry_at)
    if not_before is None:
        return Ending("failed", reason)
    return Ending("again", reason, not_before=not_before)


async def _copy(
    assignment: Assignment, record: JobRecord, pool: ClientPool, is_stopping: Callable[[], bool]
) -> None:
    gone = await named.find_gone(assignment, pool, assignment.deleted_tags, is_stopping=is_stopping)
    tags, source_tags = await _tags_to_copy(assignment, pool, gone)
    engine = pool.engine(assignment.source, assignment.target)
    if tags:
        request = RepositoryCopy(
            source_repository=assignment.source_repository,
            target_repository=assignment.target_repository,
            tags=tags,
            options=assignment.options,
            target_tags=None,
            source_tags=source_tags,
            pace=pool.pace(assignment),
        )
        doubts = named.Doubts(record.emit)
        emit = record.emit if assignment.tags is None else doubts.emit
        await engine.copy(request, emit=emit, is_stopping=is_stopping)
        await doubts.settle(assignment, pool, is_stopping=is_stopping)
    if gone:
        await engine.delete_tags(
            assignment.target_repository, sorted(gone), emit=record.emit, is_stopping=is_stopping
        )


async def _tags_to_copy(
    assignment: Assignment, pool: ClientPool, gone: Collection[str]
) -> tuple[tuple[str, ...], frozenset[str] | None]:
    """Return the tags to copy, and all tags of the source if they had to be listed."""
    if assignment.tags is not None:
        wanted = dict.fromkeys((*assignment.tags, *assignment.deleted_tags))
        return tuple(tag for tag in wanted if tag not in gone), None
    exact = planner.exact_tags(assignment.selection)
    if exact is not None:
        return exact, None
    listed = await _collect(pool.client(assignment.source).list_tags(assignment.source_repository))
    return tuple(planner.select_tags(assignment.selection, listed)), frozenset(listed)


def _ending_of_tags(assignment: Assignment, record: JobRecord) -> Ending:
    transient = [event for event in record.failures.values() if event.is_retryable]
    if transient:
        retry_at = max((event.retry_at or 0 for event in transient), default=0)
        not_before = _next_attempt(assignment, retry_at or None)
        if not_before is not None:
            tags = tuple(event.tag for event in transient)
            return Ending("again", _reason_of(transient[0]), not_before=not_before, retry_tags=tags)
    if record.failures:
        reason = _reason_of(next(iter(record.failures.values())))
        return Ending("failed", reason, retry_tags=tuple(record.failures))
    if assignment.failed_for_good_count:
        return Ending("failed", retry_tags=())
    return Ending("done")


def _reason_of(event: TagFinished) -> Reason:
    return Reason(event.reason or "", event.side or "", event.detail)


def _next_attempt(assignment: Assignment, retry_at: float | None) -> datetime | None:
    now = datetime.now(UTC)
    delay = backoff(assignment.attempt, spread=random.random())
    earliest = datetime.fromtimestamp(retry_at, UTC) if retry_at else now
    not_before = max(now + delay, earliest + timedelta(seconds=random.random()))
    return not_before if not_before <= assignment.retry_until else None


async def _collect(pages: AsyncIterator[list[str]]) -> list[str]:
    return [name async for page in pages for name in page]
