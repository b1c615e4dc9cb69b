"""
Connections, tokens, limits and engines that all jobs of one drain share.

A worker process keeps its pool between drains. What connections and limiters know stays; what copies have seen
at a target is forgotten, because it may have changed since.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.pace import Pace
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.known import KnownBlobs
from registries.transfer.shared_reading import SharedReads
from syncjobs.drain.assignment import Assignment, Limits, Work

_MOST_IDLE_CLIENTS = 16


class ClientPool:
    """One client per endpoint and credential, one limiter per address, one engine per pair."""

    def __init__(self, guard: HostGuard) -> None:
        self._guard = guard
        self._limiters: dict[str, EndpointLimiter] = {}
        self._clients: dict[tuple[Endpoint, bool], RegistryClient] = {}
        self._known: dict[Endpoint, KnownBlobs] = {}
        self._engines: dict[tuple[Endpoint, Endpoint], Engine] = {}
        self._limits: dict[str, Limits] = {}
        self._paces: dict[int, tuple[Limits, Pace]] = {}
        self._worker_counts: Mapping[str, int] = {}
        self._used: dict[tuple[Endpoint, bool], None] = {}
        self._reads = SharedReads()

    async def rest(self) -> None:
        """
        End a drain: forget what it has seen, and close the clients that it did not use.

        So a changed address or credential, which makes another client, leaves none behind.
        """
        await self._reads.aclose()
        kept = set(list(self._used)[-_MOST_IDLE_CLIENTS:])
        await self._close(key for key in list(self._clients) if key not in kept)
        keys = {endpoint.key for endpoint, _writes in self._clients}
        for registry in set(self._limiters) - keys:
            del self._limiters[registry]
        for forgotten in (self._known, self._engines, self._limits, self._paces, self._used):
            forgotten.clear()

    async def aclose(self) -> None:
        """Close every client."""
        await self._reads.aclose()
        await self._close(list(self._clients))

    @property
    def addresses(self) -> list[str]:
        """The registries that this drain speaks to."""
        return sorted({endpoint.key for endpoint, _writes in self._used})

    def note_limits(self, assignment: Assignment) -> None:
        """Take over what the owners of both registries allow; the latest word counts."""
        for endpoint, limits in (
            (assignment.source, assignment.source_limits),
            (assignment.target, assignment.target_limits),
        ):
            if self._limits.get(endpoint.key) != limits:
                self._limits[endpoint.key] = limits
                self._share(endpoint.key)

    def pace(self, assignment: Assignment) -> Pace | None:
        """Return the bandwidth limit of a rule, which all its jobs share; a replica has none of its own."""
        if assignment.rule_id is None:
            return None
        _, pace = self._paces.get(assignment.rule_id, (None, Pace()))
        self._paces[assignment.rule_id] = (assignment.rule_limits, pace)
        pace.set_rate(assignment.rule_limits.bandwidth_at(datetime.now(UTC)))
        return pace

    def share_limits(self, worker_counts: Mapping[str, int]) -> None:
        """Set every limit to what holds at this hour, divided by the workers that use the registry."""
        self._worker_counts = worker_counts
        for key in self._limiters:
            self._share(key)
        for limits, pace in self._paces.values():
            pace.set_rate(limits.bandwidth_at(datetime.now(UTC)))

    def find_pause(self, assignment: Assignment) -> tuple[datetime, str] | None:
        """Return until when, and why, one of the two registries lets nobody send; None if neither does."""
        for endpoint in (assignment.source, assignment.target):
            limiter = self._limiters.get(endpoint.key)
            snapshot = limiter.snapshot() if limiter else None
            if snapshot and snapshot.paused_until is not None:
                return datetime.fromtimestamp(snapshot.paused_until, UTC), snapshot.pause_reason
        return None

    def client(self, endpoint: Endpoint, *, writes: bool = False) -> RegistryClient:
        """Return the client of an endpoint, made at its first use; `writes` asks for push tokens at once."""
        key = (endpoint, writes)
        if key not in self._clients:
            limiter = self._limiter(endpoint.key)
            self._clients[key] = RegistryClient(endpoint, limiter=limiter, guard=self._guard, writes=writes)
        self._used[key] = None
        return self._clients[key]

    def engine(self, source: Endpoint, target: Endpoint) -> Engine:
        """Return the engine that copies between two endpoints."""
        pair = (source, target)
        if pair not in self._engines:
            known = self._known.setdefault(target, KnownBlobs())
            reader, writer = self.client(source), self.client(target, writes=True)
            self._engines[pair] = Engine(reader, writer, known=known, budget=Budget(), reads=self._reads)
        return self._engines[pair]

    def expecting(self, assignment: Assignment) -> AbstractContextManager[None]:
        """Let other replicas of the same primary share with this job what they read, as long as it runs."""
        if assignment.replica_id is None or assignment.work not in (Work.COPY, Work.MIRROR):
            return nullcontext()
        return self._reads.expecting(assignment.source, assignment.target, assignment.source_repository)

    async def _close(self, keys: Iterable[tuple[Endpoint, bool]]) -> None:
        for key in keys:
            await self._clients.pop(key).aclose()

    def _limiter(self, key: str) -> EndpointLimiter:
        return self._limiters.setdefault(key, EndpointLimiter())

    def _share(self, key: str) -> None:
        limits = self._limits.get(key, Limits())
        self._limiter(key).share(
            workers=self._worker_counts.get(key, 1),
            requests_per_second=limits.requests_per_second,
            bytes_per_second=limits.bandwidth_at(datetime.now(UTC)),
        )
