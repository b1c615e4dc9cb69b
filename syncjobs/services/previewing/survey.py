"""
Asks two registries what a run of a rule would do. It writes nothing anywhere; no database.

Which repositories and tags are selected is decided by the code that a run uses; what becomes of a tag is
`judging.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import (
    HostRefused,
    PermanentError,
    RegistryError,
    Throttled,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from registries.oci.exchange import Timeouts
from registries.oci.limits import EndpointLimiter
from registries.oci.retry import RetryPolicy
from registries.services import connections
from registries.transfer.budget import Budget
from registries.transfer.events import describe
from registries.transfer.graph import is_companion
from registries.transfer.known import KnownBlobs
from registries.transfer.plan import ALL_KINDS, CopyOptions
from registries.transfer.progress import Progress
from registries.transfer.route import AT_SOURCE, AT_TARGET, Lane, Route
from registries.transfer.together import for_each
from syncjobs import planner, reasons
from syncjobs.planner import RepositoryPlan, Selection
from syncjobs.services.previewing.judging import FrugalRoute, Repository, is_plainly_new, judge
from syncjobs.services.previewing.report import (
    Action,
    Limits,
    Preview,
    Problem,
    RepositoryFindings,
    Verdict,
    summarize,
)

_LONGEST_NAME = 255  # as a run: longer names fit no column
_LISTINGS_AT_ONCE = 16
_TAGS_AT_ONCE = 64
_MOST_ERRORS = 10
_TIMEOUTS = Timeouts(connect_seconds=5.0, stall_seconds=10.0)
_RETRY = RetryPolicy(attempts=2, throttled_attempts=2)
_PATIENCE_SECONDS = 5.0
# After one of these nothing else would be answered either.
_HOPELESS = (Unauthorized, Throttled, Unreachable, HostRefused)


@dataclass(frozen=True, slots=True)
class Order:
    """
    What to find out, and where.

    `hides_target` is for rules to another account: neither the target's words nor its digests are reported.
    """

    selection: Selection
    options: CopyOptions
    source: Endpoint
    target: Endpoint
    source_requests_per_second: float | None = None
    target_requests_per_second: float | None = None
    hides_target: bool = False


async def look(order: Order, limits: Limits) -> Preview:
    """Return what was found within the limits; never raises for a registry's fault."""
    limiters = {
        order.target.key: _limiter(order.target_requests_per_second),
        order.source.key: _limiter(order.source_requests_per_second),
    }
    async with (
        _open(order.source, limiters) as source,
        _open(order.target, limiters) as target,
    ):
        survey = _Survey(order, limits, source, target)
        try:
            async with asyncio.timeout(limits.seconds):
                await survey.run()
        except TimeoutError:
            pass  # what was not reached is counted as such
        except RegistryError as error:
            survey.note(error)
        return survey.report()


def _limiter(requests_per_second: float | None) -> EndpointLimiter:
    return EndpointLimiter(requests_per_second=requests_per_second, patience_seconds=_PATIENCE_SECONDS)


def _open(endpoint: Endpoint, limiters: dict[str, EndpointLimiter]) -> RegistryClient:
    return connections.open_client(endpoint, limiter=limiters[endpoint.key], timeouts=_TIMEOUTS, retry=_RETRY)


class _TooMany(Exception):
    """More names than are held in memory."""


class _Survey:
    """One preview."""

    def __init__(self, order: Order, limits: Limits, source: RegistryClient, target: RegistryClient) -> None:
        self._order = order
        self._limits = limits
        route = FrugalRoute if order.options.kinds == ALL_KINDS else Route
        self._route = route(source, target, KnownBlobs(), Budget())
        self._plan = planner.plan_repositories(order.selection, ())
        self._is_listed_whole = True
        self._repositories: list[Repository] = []
        self._room = limits.names
        self._problem: Problem | None = None
        self._error_count = 0

    async def run(self) -> None:
        """
        Find out as much as there is time for; what was found stays, however this ends.

        Raises the RegistryError after which nothing more can be found out.
        """
        self._plan = await self._discover()
        edges = self._plan.copyable[: self._limits.repositories]
        self._repositories = [self._take_in_hand(source, target) for source, target in edges]
        await for_each(self._repositories, self._list, limit=_LISTINGS_AT_ONCE)
        waiting = [
            (repository, tag)
            for repository in self._repositories
            for tag in repository.findings.tags or ()
            if not is_plainly_new(repository, tag)
        ][: self._limits.comparisons]
        for are_companions in (False, True):  # as in a run, where they may have followed what they sign
            tags = [(one, tag) for one, tag in waiting if is_companion(tag) is are_companions]
            await for_each(tags, self._compare, limit=_TAGS_AT_ONCE)

    def report(self) -> Preview:
        """Return what was found so far."""
        return summarize(
            self._plan,
            [repository.findings for repository in self._repositories],
            is_listed_whole=self._is_listed_whole,
            problem=self._problem,
        )

    def note(self, error: RegistryError, repository: str = "") -> None:
        """Keep the first error as the problem of the preview."""
        if self._problem is None:
            side = error.side or ""
            if self._is_hidden(side):
                self._problem = Problem(reasons.TARGET_UNREADABLE, side, repository=repository)
            else:
                self._problem = Problem(error.code, side, describe(error), repository)

    def _is_hidden(self, side: str) -> bool:
        return self._order.hides_target and side == "target"

    def _pass_over(self, error: RegistryError, repository: str) -> None:
        """Note the error and go on; raises it if going on is of no use."""
        self.note(error, repository)
        self._error_count += 1
        if isinstance(error, _HOPELESS) or self._error_count >= _MOST_ERRORS:
            raise error

    def _take_in_hand(self, source: str, target: str) -> Repository:
        lane = Lane(
            route=self._route,
            source_repository=source,
            target_repository=target,
            is_new=False,
            options=self._order.options,
            progress=Progress(lambda _event: None, lambda: False),
            source_tags=None,
        )
        return Repository(RepositoryFindings(source, target), lane, self._order.hides_target)

    async def _discover(self) -> RepositoryPlan:
        """Return the plan of a run; made of the part of the catalogue that came in time, and then noted as such."""
        exact = planner.exact_repositories(self._order.selection)
        if exact is not None:
            return planner.plan_repositories(self._order.selection, exact)
        listed: list[str] = []
        try:
            with AT_SOURCE:
                async with asyncio.timeout(self._limits.listing_seconds):
                    await self._collect(self._route.source.list_repositories(), listed)
        except (TimeoutError, _TooMany):
            self._is_listed_whole = False
        names = [name for name in listed if name.isprintable() and len(name) <= _LONGEST_NAME]
        return planner.plan_repositories(self._order.selection, names)

    async def _list(self, repository: Repository) -> None:
        """Find out which tags of a repository are selected, and which the target has."""
        if self._room <= 0:
            return
        try:
            tags = await self._select_tags(repository)
            if len(tags) > 1:
                repository.target_tags = await self._target_tags(repository)
        except _TooMany:
            return
        except RegistryError as error:
            self._pass_over(error, repository.findings.source)
            return
        repository.findings.tags = tags
        for tag in tags:
            if is_plainly_new(repository, tag):
                repository.findings.verdicts[tag] = Verdict(Action.NEW)

    async def _select_tags(self, repository: Repository) -> tuple[str, ...]:
        exact = planner.exact_tags(self._order.selection)
        if exact is not None:
            return exact
        listed: list[str] = []
        with AT_SOURCE:
            await self._collect(self._route.source.list_tags(repository.findings.source), listed)
        repository.lane.source_tags = frozenset(listed)
        return tuple(planner.select_tags(self._order.selection, listed))

    async def _target_tags(self, repository: Repository) -> frozenset[str] | None:
        """List the target's tags; None where that is not offered, so that each tag is asked for."""
        listed: list[str] = []
        try:
            with AT_TARGET:
                await self._collect(self._route.target.list_tags(repository.findings.target), listed)
        except Unsupported:
            return None
        return frozenset(listed)

    async def _collect(self, pages: AsyncIterator[list[str]], listed: list[str]) -> None:
        async for page in pages:
            listed += page
            self._room -= len(page)
            if self._room <= 0:
                raise _TooMany

    async def _compare(self, item: tuple[Repository, str]) -> None:
        repository, tag = item
        try:
            verdict = await judge(repository, tag)
        except PermanentError as error:
            side = error.side or ""
            code = reasons.TARGET_UNREADABLE if self._is_hidden(side) else error.code
            verdict = Verdict(Action.FAIL, reason=code, side=side)
            if isinstance(error, _HOPELESS):
                raise
        except RegistryError as error:
            self._pass_over(error, repository.findings.source)
            return
        repository.findings.verdicts[tag] = verdict
