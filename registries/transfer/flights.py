"""Lets concurrent tasks that want the same thing share one attempt at it."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable

from registries.oci.errors import RegistryError


class Flights:
    """
    One running attempt per key; late comers wait for it and share how it ended.

    The attempt runs inside the task that came first. If that task is stopped or cancelled, those who wait
    did not ask for that: one of them starts over. A registry's refusal is shared by all.
    """

    def __init__(self) -> None:
        self._flights: dict[Hashable, asyncio.Future[RegistryError | bool]] = {}

    async def run(self, key: Hashable, work: Callable[[], Awaitable[object]]) -> bool:
        """
        Do the work, or wait for the one who is doing it; True if it was done by this call.

        Raises the RegistryError that the attempt ended with, whoever made it.
        """
        while (flight := self._flights.get(key)) is not None:
            outcome = await asyncio.shield(flight)
            if isinstance(outcome, RegistryError):
                raise outcome
            if outcome:
                return False
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        outcome = False
        try:
            await work()
            outcome = True
        except RegistryError as error:
            outcome = error
            raise
        finally:
            del self._flights[key]
            flight.set_result(outcome)
        return True

    async def wait(self, key: Hashable) -> bool:
        """Wait while somebody works on the key; False if nobody does."""
        flight = self._flights.get(key)
        if flight is None:
            return False
        await asyncio.shield(flight)
        return True
