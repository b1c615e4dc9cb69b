import asyncio

import pytest

from registries.oci.errors import NotFound
from registries.transfer.flights import Flights


class TestRun:
    def test_does_the_work_once_for_all_who_come_meanwhile(self) -> None:
        async def scenario() -> tuple[list[bool], int]:
            flights, count = Flights(), 0

            async def work() -> None:
                nonlocal count
                count += 1
                await asyncio.sleep(0)

            done = await asyncio.gather(*(flights.run("key", work) for _ in range(5)))
            return done, count

        done, count = asyncio.run(scenario())
        assert (sorted(done), count) == ([False, False, False, False, True], 1)

    def test_does_it_again_for_one_who_comes_later(self) -> None:
        async def scenario() -> int:
            flights, count = Flights(), 0

            async def work() -> None:
                nonlocal count
                count += 1

            await flights.run("key", work)
            await flights.run("key", work)
            return count

        assert asyncio.run(scenario()) == 2

    def test_shares_a_registrys_refusal(self) -> None:
        async def scenario() -> list[object]:
            flights = Flights()

            async def work() -> None:
                await asyncio.sleep(0)
                raise NotFound("gone")

            works = [flights.run("key", work) for _ in range(3)]
            return list(await asyncio.gather(*works, return_exceptions=True))

        results = asyncio.run(scenario())
        assert [type(result) for result in results] == [NotFound] * 3
        assert len({id(result) for result in results}) == 1

    def test_is_taken_over_when_the_first_is_cancelled(self) -> None:
        async def scenario() -> tuple[bool, int]:
            flights, count, started = Flights(), 0, asyncio.Event()

            async def work() -> None:
                nonlocal count
                count += 1
                started.set()
                await asyncio.sleep(0 if count > 1 else 60)

            first = asyncio.ensure_future(flights.run("key", work))
            await started.wait()
            second = asyncio.ensure_future(flights.run("key", work))
            await asyncio.sleep(0)
            first.cancel()
            return await second, count

        assert asyncio.run(scenario()) == (True, 2)

    def test_outlives_a_cancelled_waiter(self) -> None:
        async def scenario() -> bool:
            flights, gate = Flights(), asyncio.Event()
            first = asyncio.ensure_future(flights.run("key", gate.wait))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(flights.run("key", gate.wait))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.sleep(0)
            gate.set()
            return await first

        assert asyncio.run(scenario())


class TestWait:
    def test_tells_that_nobody_works_on_the_key(self) -> None:
        assert asyncio.run(Flights().wait("key")) is False

    def test_returns_when_the_work_ends_however_it_ends(self) -> None:
        async def scenario() -> bool:
            flights = Flights()

            async def work() -> None:
                await asyncio.sleep(0)
                raise NotFound("gone")

            first = asyncio.ensure_future(flights.run("key", work))
            await asyncio.sleep(0)
            waited = await flights.wait("key")
            with pytest.raises(NotFound):
                await first
            return waited

        assert asyncio.run(scenario()) is True
