import asyncio

import pytest

from registries.oci.errors import NotFound, ServerError
from registries.transfer.together import both, for_each, together


async def fail(error: Exception) -> None:
    await asyncio.sleep(0)
    raise error


class TestTogether:
    def test_returns_when_all_have_ended(self) -> None:
        async def scenario() -> list[int]:
            done: list[int] = []

            async def work(number: int) -> None:
                await asyncio.sleep(0)
                done.append(number)

            await together([work(number) for number in range(3)])
            return done

        assert asyncio.run(scenario()) == [0, 1, 2]

    def test_is_content_with_no_work(self) -> None:
        asyncio.run(together([]))

    def test_lets_the_others_finish_after_an_error_that_passes(self) -> None:
        async def scenario() -> bool:
            is_done = False

            async def slow() -> None:
                nonlocal is_done
                for _ in range(10):
                    await asyncio.sleep(0)
                is_done = True

            with pytest.raises(ServerError):
                await together([fail(ServerError("busy")), slow()])
            return is_done

        assert asyncio.run(scenario())

    def test_cancels_the_others_after_an_error_that_stays(self) -> None:
        async def scenario() -> bool:
            was_cancelled = False

            async def slow() -> None:
                nonlocal was_cancelled
                try:
                    await asyncio.sleep(60)
                except asyncio.CancelledError:
                    was_cancelled = True
                    raise

            with pytest.raises(NotFound):
                await together([slow(), fail(NotFound("gone"))])
            return was_cancelled

        assert asyncio.run(scenario())

    def test_prefers_the_error_that_stays(self) -> None:
        async def late() -> None:
            await asyncio.sleep(0.01)
            raise NotFound("gone")

        with pytest.raises(NotFound):
            asyncio.run(together([fail(ServerError("busy")), late()]))

    def test_cancels_all_when_it_is_cancelled(self) -> None:
        async def scenario() -> list[bool]:
            cancelled: list[bool] = []

            async def slow() -> None:
                try:
                    await asyncio.sleep(60)
                finally:
                    cancelled.append(True)

            task = asyncio.ensure_future(together([slow(), slow()]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return cancelled

        assert asyncio.run(scenario()) == [True, True]


class TestForEach:
    def test_does_all_items_no_more_than_the_limit_at_once(self) -> None:
        async def scenario() -> tuple[set[int], int]:
            done: set[int] = set()
            current = highest = 0

            async def work(item: int) -> None:
                nonlocal current, highest
                current += 1
                highest = max(highest, current)
                await asyncio.sleep(0)
                current -= 1
                done.add(item)

            await for_each(range(20), work, limit=3)
            return done, highest

        assert asyncio.run(scenario()) == (set(range(20)), 3)

    def test_begins_no_more_after_an_error_that_stays(self) -> None:
        async def scenario() -> list[int]:
            begun: list[int] = []

            async def work(item: int) -> None:
                begun.append(item)
                raise NotFound("gone")

            with pytest.raises(NotFound):
                await for_each(range(20), work, limit=1)
            return begun

        assert asyncio.run(scenario()) == [0]


class TestBoth:
    def test_returns_both_results(self) -> None:
        async def value(result: int) -> int:
            return result

        assert asyncio.run(both(value(1), value(2))) == (1, 2)

    def test_leaves_nothing_running_when_one_fails(self) -> None:
        async def scenario() -> int:
            with pytest.raises(NotFound):
                await both(asyncio.sleep(60), fail(NotFound("gone")))
            return len(asyncio.all_tasks())

        assert asyncio.run(scenario()) == 1
