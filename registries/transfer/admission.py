"""Lets a few large blobs be read at a time, so that all targets want the same ones at the same time."""

import asyncio
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager

SLOTS = 8
_UNUSED_SECONDS = 1.0


class _Opening:
    """A blob that may be read: how many do, and whether it counts as one of the few."""

    __slots__ = ("has_begun", "holds_slot", "reader_count")

    def __init__(self) -> None:
        self.has_begun = False
        self.holds_slot = True
        self.reader_count = 0


class Admission:
    """
    Slots of blobs, not of readers: once one reader of a blob is let in, all others are.

    The blob that most targets wait for comes next. A slot is free again as soon as the blob has been read, or
    nobody has begun to read it for a second: so a target that hangs keeps none.
    """

    def __init__(self, slots: int = SLOTS) -> None:
        self._free = slots
        self._open: dict[Hashable, _Opening] = {}
        self._waiting: dict[Hashable, dict[asyncio.Future[None], Hashable]] = {}

    @asynccontextmanager
    async def enter(self, key: Hashable, party: Hashable) -> AsyncIterator[None]:
        """Hold the door to a blob, after waiting for it to be let in."""
        if key in self._open:
            self._open[key].reader_count += 1
        else:
            await self._wait(key, party)
        try:
            yield
        finally:
            self._leave(key)

    def begin(self, key: Hashable) -> None:
        """The blob is being read."""
        if key in self._open:
            self._open[key].has_begun = True

    def finish(self, key: Hashable) -> None:
        """The blob has been read, whoever may still be sending it: the slot is another's."""
        opening = self._open.get(key)
        if opening is not None and opening.holds_slot:
            opening.holds_slot = False
            self._free += 1
            self._admit()

    async def _wait(self, key: Hashable, party: Hashable) -> None:
        door = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(key, {})[door] = party
        self._admit()
        try:
            await door
        except asyncio.CancelledError:
            if door.done() and not door.cancelled():
                self._leave(key)
            else:
                self._give_up(key, door)
            raise

    def _give_up(self, key: Hashable, door: asyncio.Future[None]) -> None:
        waiting = self._waiting.get(key, {})
        waiting.pop(door, None)
        if not waiting:
            self._waiting.pop(key, None)

    def _admit(self) -> None:
        while self._free > 0 and self._waiting:
            key = max(self._waiting, key=lambda one: len(set(self._waiting[one].values())))
            doors = self._waiting.pop(key)
            opening = self._open[key] = _Opening()
            opening.reader_count = len(doors)
            self._free -= 1
            asyncio.get_running_loop().call_later(_UNUSED_SECONDS, self._finish_unused, key, opening)
            for door in doors:
                if not door.done():
                    door.set_result(None)
                else:
                    opening.reader_count -= 1

    def _finish_unused(self, key: Hashable, opening: _Opening) -> None:
        if self._open.get(key) is opening and not opening.has_begun:
            self.finish(key)

    def _leave(self, key: Hashable) -> None:
        opening = self._open[key]
        opening.reader_count -= 1
        if opening.reader_count == 0:
            self.finish(key)
            del self._open[key]
