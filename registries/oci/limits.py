"""
Keeps what one worker asks of one registry within what the registry takes.

Concurrency finds its own level: it doubles while answers stay quick, so that a distant registry is
soon asked over dozens of connections, grows slowly after the first sign of trouble, and halves when
the registry throttles.

Deadlock is impossible by construction. A blob copy holds a slot of the target (its upload) while it
waits for a slot of the source (its download). Downloads are therefore counted by themselves: who
holds a download waits for nothing, so every chain of waiting ends, also when two rules copy in
opposite directions or within one registry. The price is that a registry that is both source and
target may see up to twice the limit. Never wait for an upload slot while holding a download.

Not safe for threads; usable from several event loops, one after the other.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from registries.oci.breaker import CredentialsBreaker
from registries.oci.errors import Throttled
from registries.oci.latency import Latency
from registries.oci.pace import Pace

# Below this limit latency is too noisy to stop the growth.
_ALWAYS_GROW_BELOW = 16
_HALVE_AT_MOST_EVERY_SECONDS = 0.1
_BACKOFF_FIRST_SECONDS = 1.0
_BACKOFF_MAX_SECONDS = 60.0
_MAX_RESERVE = 4
# Some registries name the moment in RateLimit-Reset instead of the seconds until then.
_TIMESTAMPS_FROM = 1_000_000_000
_QUOTA_WINDOW = re.compile(r";\s*w\s*=\s*(\d{1,9})", re.ASCII)


class SlotKind(IntEnum):
    """What a request is to the limiter."""

    SMALL = 0
    UPLOAD = 1
    DOWNLOAD = 2


_WAKE_ORDER = (SlotKind.DOWNLOAD, SlotKind.SMALL, SlotKind.UPLOAD)


@dataclass(frozen=True, slots=True)
class LimiterSnapshot:
    """What the limiter does at this moment, for pages and metrics. Times are seconds since the epoch."""

    limit: int
    in_flight: int
    waiting: int
    paused_until: float | None
    pause_reason: str
    remaining: int | None


class EndpointLimiter:
    """Concurrency, requests a second, bytes a second and pauses of one registry endpoint."""

    def __init__(
        self,
        *,
        max_concurrency: int = 64,
        initial_concurrency: int = 8,
        requests_per_second: float | None = None,
        bytes_per_second: float | None = None,
        patience_seconds: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._full = max(1, max_concurrency)
        self._max = self._full
        self._limit = float(min(max(1, initial_concurrency), self._max))
        self._threshold = float(self._max)
        self._requests = Pace(requests_per_second, clock)
        self.bandwidth = Pace(bytes_per_second, clock)
        self._patience = patience_seconds
        self._clock = clock
        self._wall = wall_clock
        self._in_flight = [0] * len(SlotKind)
        self._waiting: list[deque[asyncio.Future[None]]] = [deque() for _ in SlotKind]
        self._waiting_count = 0
        self._halved_at = float("-inf")
        self._throttles_in_row = 0
        self._latencies: dict[str, Latency] = {}
        self._paused_until = 0.0
        self._pause_reason = ""
        self._remaining: int | None = None
        self._breakers: dict[int, CredentialsBreaker] = {}

    def breaker_for(self, username: str | None, password: str | None) -> CredentialsBreaker:
        """Return the breaker of these credentials: one tenant's wrong password is not another's."""
        return self._breakers.setdefault(hash((username, password)), CredentialsBreaker(clock=self._clock))

    def share(
        self, *, workers: int, requests_per_second: float | None, bytes_per_second: float | None
    ) -> None:
        """Take this worker's share of the endpoint's limits, which so many workers divide among them."""
        workers = max(1, workers)
        self._requests.set_rate(requests_per_second / workers if requests_per_second else None)
        self.bandwidth.set_rate(bytes_per_second / workers if bytes_per_second else None)
        self._max = max(1, -(-self._full // workers))
        self._limit = min(self._limit, float(self._max))
        self._threshold = max(self._threshold, self._limit)

    async def acquire(self, kind: SlotKind) -> None:
        """
        Wait until one more request of the kind may be sent, and count it until `release`.

        Raises Throttled at once if the endpoint is paused for longer than the patience.
        """
        delay = self._requests.reserve(1.0)
        if delay > 0:
            await asyncio.sleep(delay)
        while True:
            if self._paused_until:
                await self.wait_out_pause()
            if not self._waiting[kind] and self._has_room(kind):
                self._in_flight[kind] += 1
            else:
                await self._wait_for_slot(kind)
            if not self._paused_until:
                return
            self.release(kind)

    def release(self, kind: SlotKind) -> None:
        """Give the slot back."""
        self._in_flight[kind] -= 1
        if self._waiting_count:
            self._wake()

    def is_patient_until(self, timestamp: float) -> bool:
        """Tell whether waiting until then (seconds since the epoch) is still within the patience."""
        return timestamp - self._wall() <= self._patience

    async def wait_out_pause(self) -> None:
        """Wait while the endpoint is paused. Raises Throttled at once if that is beyond the patience."""
        while (remaining := self._paused_until - self._wall()) > 0:
            if remaining > self._patience:
                raise Throttled(self._pause_reason, retry_at=self._paused_until)
            await asyncio.sleep(remaining)
        self._paused_until = 0.0

    def succeeded(self, kind: str, seconds: float | None) -> None:
        """
        Note that a request of the kind was answered after so many seconds, and grow if it is time.

        `seconds` None: the time says nothing about the registry, as with the upload of a large blob.
        """
        self._throttles_in_row = 0
        latency = self._latencies.get(kind)
        if latency is None:
            latency = self._latencies[kind] = Latency()
        if seconds is not None:
            latency.note(seconds)
        if self._limit >= self._max or not (self._waiting_count or self._total() >= int(self._limit)):
            return
        if self._limit >= _ALWAYS_GROW_BELOW and latency.is_high:
            self._threshold = min(self._threshold, self._limit)
            return
        step = 1.0 if self._limit < self._threshold else 1.0 / self._limit
        self._limit = min(float(self._max), self._limit + step)
        self._wake()

    def overloaded(self) -> None:
        """Note a sign of overload and halve the concurrency, at most once in a tenth of a second."""
        now = self._clock()
        if now - self._halved_at >= _HALVE_AT_MOST_EVERY_SECONDS:
            self._halved_at = now
            self._limit = max(1.0, self._limit / 2)
            self._threshold = self._limit

    def throttled(self, retry_at: float | None, reason: str) -> float:
        """
        Note that the registry throttles, pause for everyone and return until when.

        Without a time from the registry the pause doubles with every burst of throttled answers.
        """
        self.overloaded()
        if retry_at is None:
            now = self._wall()
            if self._paused_until > now:
                return self._paused_until
            retry_at = now + min(_BACKOFF_MAX_SECONDS, _BACKOFF_FIRST_SECONDS * 2.0**self._throttles_in_row)
            self._throttles_in_row += 1
        self.pause_until(retry_at, reason)
        return retry_at

    def pause_until(self, timestamp: float, reason: str) -> None:
        """Let nobody send until then (seconds since the epoch). A shorter pause never ends a longer one."""
        if timestamp > self._paused_until:
            self._paused_until = timestamp
            self._pause_reason = reason

    def note_remaining(self, header: str, reset: str | None = None, *, is_counted: bool = False) -> None:
        """
        Note how many requests are left in the registry's window, from RateLimit-Remaining ("76;w=21600").

        After the last one (`is_counted`: the request was of the kind that registries count) everyone pauses
        for the seconds of RateLimit-Reset, or else for the window but at most a minute: it slides, and what
        it counts comes back bit by bit.
        """
        count = header.partition(";")[0].strip()
        if not (count.isascii() and count.isdigit()):
            return
        self._remaining = int(count)
        if self._remaining == 0 and is_counted:
            self.pause_until(
                _quota_returns_at(header, reset, self._wall()), "the registry's quota is used up"
            )

    def snapshot(self) -> LimiterSnapshot:
        """Return what the limiter does at this moment."""
        is_paused = self._paused_until > self._wall()
        return LimiterSnapshot(
            limit=int(self._limit),
            in_flight=self._total(),
            waiting=self._waiting_count,
            paused_until=self._paused_until if is_paused else None,
            pause_reason=self._pause_reason if is_paused else "",
            remaining=self._remaining,
        )

    def _total(self) -> int:
        return sum(self._in_flight)

    def _has_room(self, kind: SlotKind) -> bool:
        """Tell whether one more request fits; a few slots are kept free of streams for small requests."""
        limit = int(self._limit)
        reserve = min(_MAX_RESERVE, max(1, limit // 4))
        streams = max(1, limit - reserve)
        count = self._in_flight[kind]
        if kind is SlotKind.SMALL:
            return count < reserve or self._total() < limit
        if kind is SlotKind.DOWNLOAD:
            return count < streams
        return count == 0 or (count < streams and self._total() < limit)

    async def _wait_for_slot(self, kind: SlotKind) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[kind].append(future)
        self._waiting_count += 1
        try:
            await future
        except asyncio.CancelledError:
            if not future.cancelled():
                self.release(kind)
            elif future in self._waiting[kind]:
                self._waiting[kind].remove(future)
                self._waiting_count -= 1
            raise

    def _wake(self) -> None:
        """Hand free slots to those who wait, downloads first: they hold up an upload."""
        for kind in _WAKE_ORDER:
            waiting = self._waiting[kind]
            while waiting and self._has_room(kind):
                future = waiting.popleft()
                self._waiting_count -= 1
                if not future.done():
                    self._in_flight[kind] += 1
                    future.set_result(None)


def _quota_returns_at(header: str, reset: str | None, now: float) -> float:
    text = (reset or "").strip()
    if text.isascii() and text.isdigit():
        return float(text) if float(text) >= _TIMESTAMPS_FROM else now + float(text)
    window = _QUOTA_WINDOW.search(header)
    return now + (min(_BACKOFF_MAX_SECONDS, float(window.group(1))) if window else _BACKOFF_MAX_SECONDS)
