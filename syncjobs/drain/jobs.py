"""Runs one claimed job against the registries and says how it ended. No database."""

from __future__ import annotations

import logging
import random
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta

from registries.oci.errors import RegistryError, Throttled, TransientError
from registries.transfer.engine import Stopped
from registries.transfer.events import Emit, TagFinished
from registries.transfer.plan import RepositoryCopy
from registries.transfer.removal import RepositoryRemoval
from registries.transfer.route import AT_SOURCE, AT_TARGET
from registries.transfer.together import both
from syncjobs import planner, reasons
from syncjobs.drain import comparing, mirroring, named
from syncjobs.drain.assignment import Assignment, Reason, Work
from syncjobs.drain.clients import ClientPool
from syncjobs.drain.recorder import Ending, JobRecord, backoff

LONGEST_NAME = 255
_MOST_ROUNDS = 3

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Discovery:
    """
    What discovery found: the repositories to work on, those that must not be, and the tags that a mirror deletes.

    `ending` is how the discovery itself ends: a mirror whose safety brake holds has failed, and works on.
    """

    edges: list[tuple[str, str]]
    refused: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)
    deletions: Mapping[str, Sequence[str]] = field(default_factory=dict)
    ending: Ending = field(default_factory=lambda: Ending("done"))


async def discover(assignment: Assignment, pool: ClientPool) -> Discovery:
    """
    Return the repositories that the rule selects at the source, or that a replica's job works on.

    The catalogue is not asked for when the rule's filter names its repositories. Names in it that no
    registry could serve are left out.

    Raises RegistryError if a registry refuses the list: an empty list for lack of permission would look like
    success.
    """
    if assignment.work is Work.MIRROR:
        with pool.expecting(assignment):
            return _discovery_of_mirror(await mirroring.plan(assignment, pool))
    if assignment.work is Work.COMPARE:
        primary, replica = pool.client(assignment.source), pool.client(assignment.target)
        found = await both(
            mirroring.list_repositories(primary, AT_SOURCE), mirroring.list_repositories(replica, AT_TARGET)
        )
        return Discovery([(name, name) for name in sorted({*found[0], *found[1]}, key=planner.natural_key)])
    if assignment.work is Work.REMOVE:
        held = await mirroring.list_repositories(pool.client(assignment.target), AT_TARGET)
        return Discovery([(name, name) for name in held])
    exact = planner.exact_repositories(assignment.selection)
    if exact is None:
        listed = await _collect(pool.client(assignment.source).list_repositories())
        exact = tuple(name for name in listed if name.isprintable() and len(name) <= LONGEST_NAME)
    plan = planner.plan_repositories(assignment.selection, exact)
    return Discovery(plan.copyable, {code.value: edges for code, edges in plan.refused.items()})


def _discovery_of_mirror(plan: planner.MirrorPlan) -> Discovery:
    edges = [(name, name) for name in plan.repositories]
    if not plan.braked:
        return Discovery(edges, deletions=plan.deletions)
    worst = min(plan.braked.values(), key=list(planner.Brake).index)
    shown = ", ".join(list(plan.braked)[:5])
    detail = (
        f"{plan.surplus_count} of the {plan.held_count} tags at the replica are not at the primary; "
        f"kept in {len(plan.braked)} repositories: {shown}"
    )
    findings = {"held_tags": plan.held_count, "surplus_tags": plan.surplus_count}
    ending = Ending("failed", Reason(worst.value, "", detail), findings=findings)
    return Discovery(edges, deletions=plan.deletions, ending=ending)


async def copy(
    assignment: Assignment, record: JobRecord, pool: ClientPool, *, is_stopping: Callable[[], bool]
) -> Ending:
    """Do a job's work and return how the attempt ended; never raises for a registry's fault."""
    findings = None
    try:
        if assignment.work is Work.COMPARE:
            await comparing.compare(assignment, pool, emit=record.emit, is_stopping=is_stopping)
        elif assignment.work is Work.REMOVE:
            findings = await _remove(assignment, record, pool, is_stopping)
        elif assignment.replica_id is not None:
            with pool.expecting(assignment):
                await _copy_to_replica(assignment, record, pool, is_stopping)
        else:
            await _copy(assignment, record.emit, pool, is_stopping)
    except Stopped:
        return Ending("stopped", Reason(reasons.STOPPED_BY_USER))
    except RegistryError as error:
        ending = ending_of_error(assignment, error)
        if ending.how == "failed" and assignment.tags is not None:
            left = tuple(tag for tag in assignment.tags if tag not in record.settled_tags)
            return replace(ending, retry_tags=left)
        return ending
    return replace(_ending_of_tags(assignment, record), findings=findings)


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
    assignment: Assignment, emit: Emit, pool: ClientPool, is_stopping: Callable[[], bool]
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
        doubts = named.Doubts(emit)
        has_doubts = assignment.tags is not None or assignment.replica_id is not None
        await engine.copy(request, emit=doubts.emit if has_doubts else emit, is_stopping=is_stopping)
        await doubts.settle(assignment, pool, is_stopping=is_stopping)
    if gone:
        await engine.delete_tags(
            assignment.target_repository, sorted(gone), emit=emit, is_stopping=is_stopping
        )


async def _copy_to_replica(
    assignment: Assignment, record: JobRecord, pool: ClientPool, is_stopping: Callable[[], bool]
) -> None:
    """Copy, and as long as tags go or move at the primary meanwhile, follow them: a mirror has no last word."""
    copied = mirroring.Copied(record.emit)
    await _copy(assignment, copied.emit, pool, is_stopping)
    for _round in range(_MOST_ROUNDS):
        since = await mirroring.look_again(assignment, pool, copied.digests, is_stopping=is_stopping)
        if not since.gone and not since.moved:
            return
        for _tag in (*since.gone, *since.moved):
            record.retract("copied")
        copied = mirroring.Copied(record.emit)
        again = replace(assignment, tags=since.moved, deleted_tags=since.gone)
        await _copy(again, copied.emit, pool, is_stopping)


async def _remove(
    assignment: Assignment, record: JobRecord, pool: ClientPool, is_stopping: Callable[[], bool]
) -> Mapping[str, int]:
    removal = RepositoryRemoval(
        pool.client(assignment.target, writes=True),
        assignment.target_repository,
        emit=record.emit,
        is_stopping=is_stopping,
    )
    return asdict(await removal.run())


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
    longest = assignment.longest_wait_seconds
    delay = backoff(assignment.attempt, spread=random.random(), longest_seconds=longest)
    earliest = datetime.fromtimestamp(retry_at, UTC) if retry_at else now
    not_before = max(now + delay, earliest + timedelta(seconds=random.random()))
    return not_before if not_before <= assignment.retry_until else None


async def _collect(pages: AsyncIterator[list[str]]) -> list[str]:
    return [name async for page in pages for name in page]
