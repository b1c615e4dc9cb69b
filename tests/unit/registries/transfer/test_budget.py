import asyncio

from registries.transfer.budget import SMALL_BLOB_BYTES, STREAM_BUFFER_BYTES, Budget


def peak(budget: Budget, sizes: list[int]) -> int:
    """Return how many of the blobs hold a slot at once."""

    async def scenario() -> int:
        current = highest = 0

        async def hold(size: int) -> None:
            nonlocal current, highest
            async with budget.blob(size):
                current += 1
                highest = max(highest, current)
                for _ in range(5):
                    await asyncio.sleep(0)
                current -= 1

        await asyncio.gather(*map(hold, sizes))
        return highest

    return asyncio.run(scenario())


class TestBlob:
    def test_bounds_small_blobs_by_their_number(self) -> None:
        assert peak(Budget(blobs=5), [1] * 50) == 5

    def test_bounds_long_streams_by_their_buffers(self) -> None:
        budget = Budget(blobs=50, buffered_bytes=3 * STREAM_BUFFER_BYTES)
        assert peak(budget, [SMALL_BLOB_BYTES + 1] * 20) == 3

    def test_lets_small_blobs_pass_waiting_streams(self) -> None:
        async def scenario() -> bool:
            budget = Budget(blobs=4, buffered_bytes=STREAM_BUFFER_BYTES)
            async with budget.blob(10**9):
                waiting = [asyncio.ensure_future(hold(budget, 10**9)) for _ in range(10)]
                await asyncio.sleep(0)
                async with asyncio.timeout(1), budget.blob(1):
                    pass
            await asyncio.gather(*waiting)
            return True

        async def hold(budget: Budget, size: int) -> None:
            async with budget.blob(size):
                await asyncio.sleep(0)

        assert asyncio.run(scenario())

    def test_leaves_room_for_one_stream_however_small_the_budget(self) -> None:
        assert peak(Budget(buffered_bytes=1), [10**9] * 3) == 1


class TestTag:
    def test_bounds_tags(self) -> None:
        async def scenario() -> bool:
            budget = Budget(tags=1)
            async with budget.tag():
                second = asyncio.ensure_future(budget.tag().__aenter__())
                await asyncio.sleep(0)
                is_waiting = not second.done()
            await second
            return is_waiting

        assert asyncio.run(scenario())
