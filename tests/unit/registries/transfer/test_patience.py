"""How long the others wait for the slowest: not longer, and not less."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

import pytest

from registries.transfer import patience, room
from registries.transfer.patience import ALONE_SECONDS, MOST_SECONDS, Party, Patience
from registries.transfer.room import Room


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """The time of the modules under test, which only the test moves."""
    now = [1000.0]
    for module in (patience, room):
        monkeypatch.setattr(module, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def left(clock) -> Patience:
    return Patience()


class TestPatience:
    def test_runs_out_for_the_one_that_is_awaited(self, left, clock):
        left.wait_for("slow")
        clock[0] += MOST_SECONDS
        assert (left.left("slow"), left.left("fast")) == (0, MOST_SECONDS)

    def test_comes_back_while_nobody_waits_and_is_never_more_than_at_first(self, left, clock):
        left.wait_for("slow")
        clock[0] += 2
        left.wait_for(None)
        clock[0] += 1
        assert left.left("slow") == MOST_SECONDS - 1
        clock[0] += 100
        assert left.left("slow") == MOST_SECONDS

    def test_lasts_for_ever_for_those_that_take_turns_at_being_slow(self, left, clock):
        for _ in range(100):
            for party in ("one", "two", "three"):
                left.wait_for(party)
                clock[0] += 1
                assert left.left(party) > 0

    def test_ends_for_one_that_is_slow_most_of_the_time(self, left, clock):
        for _ in range(20):
            left.wait_for("slow")
            clock[0] += 0.7
            left.wait_for("other")
            clock[0] += 0.3
        assert left.left("slow") <= 0

    def test_leaves_the_one_that_was_given_up_alone_for_a_while(self, left, clock):
        left.give_up("slow")
        assert left.is_alone("slow")
        assert not left.is_alone("other")
        clock[0] += ALONE_SECONDS
        assert not left.is_alone("slow")


class Download:
    """A download that holds so much for these parties; `waiting` are those that can do nothing else."""

    def __init__(self, owed: Mapping[Party, int], waiting: set[Party]) -> None:
        self.moved = asyncio.Event()
        self.left_behind: list[Party] = []
        self._owed = owed
        self._waiting = waiting

    def owed(self) -> Mapping[Party, int]:
        return self._owed

    def readers(self) -> Iterator[tuple[Party, bool]]:
        return ((party, party in self._waiting) for party in self._owed)

    def leave_behind(self, party: Party) -> None:
        self.left_behind.append(party)


class TestRoom:
    def run(self, clock: list[float], *downloads: Download, seconds: float = MOST_SECONDS + 1) -> None:
        async def hold() -> None:
            memory = Room(10)
            for download in downloads:
                memory.enter(download)
            waits = [asyncio.create_task(self._wait(memory, download)) for download in downloads]
            for _ in range(int(seconds / 0.1)):
                clock[0] += 0.1
                memory.give_back(0)
                await asyncio.sleep(0.001)
            for wait in waits:
                wait.cancel()
            await asyncio.gather(*waits, return_exceptions=True)

        asyncio.run(hold())

    async def _wait(self, memory: Room, download: Download) -> None:
        while True:
            await memory.wait(download)

    def test_leaves_behind_who_owes_most_when_another_has_waited_for_too_long(self, clock):
        download = Download({"slow": 10, "fast": 0}, waiting={"fast"})
        kept = Download({"slow": 5}, waiting=set())
        self.run(clock, download, kept)
        assert set(download.left_behind) == set(kept.left_behind) == {"slow"}

    def test_leaves_nobody_behind_before(self, clock):
        download = Download({"slow": 10, "fast": 0}, waiting={"fast"})
        self.run(clock, download, seconds=MOST_SECONDS - 1)
        assert download.left_behind == []

    def test_leaves_nobody_behind_while_the_others_have_something_to_do(self, clock):
        download = Download({"slow": 10, "fast": 1}, waiting=set())
        self.run(clock, download)
        assert download.left_behind == []
