"""A few blobs at a time, whoever reads them."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from registries.transfer import admission
from registries.transfer.admission import Admission


class Reader:
    """Somebody who enters, and stays until told to leave."""

    def __init__(self, doors: Admission, key: str, party: str) -> None:
        self._is_in = False
        self._may_leave = asyncio.Event()
        self.task = asyncio.create_task(self._read(doors, key, party))

    async def _read(self, doors: Admission, key: str, party: str) -> None:
        async with doors.enter(key, party):
            self._is_in = True
            await self._may_leave.wait()
        self._is_in = False

    def is_in(self) -> bool:
        return self._is_in

    async def leave(self) -> None:
        self._may_leave.set()
        await self.task
        await asyncio.sleep(0)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


class TestAdmission:
    def test_lets_everybody_in_to_a_blob_that_is_open(self):
        async def test() -> None:
            doors = Admission(slots=1)
            readers = [Reader(doors, "a", party) for party in "xyz"]
            late = Reader(doors, "b", "x")
            await settle()
            assert all(reader.is_in() for reader in readers)
            assert not late.is_in()
            for reader in readers:
                await reader.leave()
            assert late.is_in()
            await late.leave()

        run(test())

    def test_opens_what_most_parties_wait_for(self):
        async def test() -> None:
            doors = Admission(slots=1)
            first = Reader(doors, "a", "x")
            await settle()
            alone, twice = Reader(doors, "b", "x"), [Reader(doors, "b", "x")]
            many = [Reader(doors, "c", party) for party in "xy"]
            await settle()
            await first.leave()
            assert all(reader.is_in() for reader in many)
            assert not alone.is_in()
            for reader in [*many, alone, *twice]:
                await reader.leave()

        run(test())

    def test_frees_the_slot_when_the_blob_was_read(self):
        async def test() -> None:
            doors = Admission(slots=1)
            slow = Reader(doors, "a", "x")
            await settle()
            doors.begin("a")
            following = Reader(doors, "b", "x")
            await settle()
            assert not following.is_in()
            doors.finish("a")
            await settle()
            assert slow.is_in()
            assert following.is_in()
            await slow.leave()
            await following.leave()

        run(test())

    def test_frees_the_slot_of_a_blob_that_nobody_begins_to_read(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(admission, "_UNUSED_SECONDS", 0.01)

        async def test() -> None:
            doors = Admission(slots=1)
            hanging = Reader(doors, "a", "x")
            following = Reader(doors, "b", "y")
            await asyncio.sleep(0.05)
            assert following.is_in()
            await hanging.leave()
            await following.leave()
            assert Reader(doors, "c", "x").task is not None

        run(test())

    def test_survives_those_who_give_up(self):
        async def test() -> None:
            doors = Admission(slots=1)
            first = Reader(doors, "a", "x")
            waiting = [Reader(doors, "b", "x"), Reader(doors, "b", "y"), Reader(doors, "c", "x")]
            await settle()
            for reader in waiting[::2]:
                reader.task.cancel()
            await settle()
            await first.leave()
            assert waiting[1].is_in()
            waiting[1].task.cancel()
            await settle()
            last = Reader(doors, "d", "x")
            await settle()
            assert last.is_in()
            await last.leave()

        run(test())
