"""A token bucket: spreads requests or bytes evenly over time."""

import asyncio
import time
from collections.abc import Callable


class Pace:
    """
    Lets `per_second` units pass a second, after a burst of at most `burst_seconds` worth of them.

    Whoever spends more than is there waits for its own share only; the next one queues behind it. Without
    a rate (None) everything passes; the rate may be changed at any time.
    """

    def __init__(
        self,
        per_second: float | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        burst_seconds: float = 1.0,
    ) -> None:
        self._burst_seconds = burst_seconds
        self._clock = clock
        self._paid_until = float("-inf")
        self._seconds_per_unit = 0.0
        self.set_rate(per_second)

    def set_rate(self, per_second: float | None) -> None:
        """Change the rate for what is spent from now on; who waits already goes on waiting."""
        self._seconds_per_unit = 1.0 / per_second if per_second else 0.0
        if not per_second:
            self._paid_until = float("-inf")

    def reserve(self, units: float) -> float:
        """Book the units and return the seconds to wait before using them."""
        if not self._seconds_per_unit:
            return 0.0
        now = self._clock()
        self._paid_until = max(self._paid_until, now - self._burst_seconds) + units * self._seconds_per_unit
        return max(0.0, self._paid_until - now)

    async def spend(self, units: float) -> None:
        """Wait until the units may be used."""
        delay = self.reserve(units)
        if delay > 0:
            await asyncio.sleep(delay)
