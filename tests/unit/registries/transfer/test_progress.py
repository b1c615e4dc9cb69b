import asyncio

import pytest

from registries.transfer.events import BytesCopied, Event
from registries.transfer.progress import Meter, Progress, Stopped, Tally

MEBIBYTE = 1024 * 1024


class TestMeter:
    def test_reports_in_lumps_of_a_mebibyte(self) -> None:
        events: list[Event] = []
        tally = Tally()
        meter = Meter("team/app", tally, events.append)
        for _ in range(256):
            meter.count(16 * 1024)
        meter.flush()
        assert events == [BytesCopied("team/app", MEBIBYTE)] * 4
        assert tally.bytes_copied == 4 * MEBIBYTE

    def test_reports_the_rest_when_it_is_flushed(self) -> None:
        events: list[Event] = []
        meter = Meter("team/app", Tally(), events.append)
        meter.count(10)
        assert events == []
        meter.flush()
        meter.flush()
        assert events == [BytesCopied("team/app", 10)]


class TestRun:
    def test_passes_on_what_the_work_raises(self) -> None:
        async def work() -> None:
            raise ValueError("broken")

        with pytest.raises(ValueError, match="broken"):
            asyncio.run(Progress(lambda event: None, lambda: False).run(work()))

    def test_cancels_work_that_waits_when_the_caller_wants_to_stop(self) -> None:
        cleaned: list[bool] = []
        answers = iter([False])

        async def work() -> None:
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.append(True)

        with pytest.raises(Stopped):
            asyncio.run(Progress(lambda event: None, lambda: next(answers, True)).run(work()))
        assert cleaned == [True]

    def test_cancels_the_work_when_it_is_cancelled_itself(self) -> None:
        async def scenario() -> bool:
            work = asyncio.ensure_future(asyncio.sleep(60))
            task = asyncio.ensure_future(Progress(lambda event: None, lambda: False).run(_wait(work)))
            await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return work.cancelled()

        assert asyncio.run(scenario())


async def _wait(work: asyncio.Future[None]) -> None:
    await work
