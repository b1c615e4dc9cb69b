import asyncio
import contextlib

import pytest

from registries.oci.errors import Throttled
from registries.oci.limits import EndpointLimiter, SlotKind
from tests.unit.registries.oci.clients import run

SMALL, UPLOAD, DOWNLOAD = SlotKind.SMALL, SlotKind.UPLOAD, SlotKind.DOWNLOAD


class Clock:
    def __init__(self, now=1000.0):
        self.now = now

    def __call__(self):
        return self.now


async def take(limiter, kind, count):
    for _ in range(count):
        async with asyncio.timeout(1):
            await limiter.acquire(kind)


async def is_blocked(limiter, kind):
    """Tell whether one more request would have to wait; takes nothing."""
    task = asyncio.create_task(limiter.acquire(kind))
    for _ in range(3):
        await asyncio.sleep(0)
    if task.done():
        limiter.release(kind)
        return False
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    return True


class TestSlots:
    def test_are_limited(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=4)
            await take(limiter, SMALL, 4)
            assert await is_blocked(limiter, SMALL)
            limiter.release(SMALL)
            assert not await is_blocked(limiter, SMALL)

        run(scenario())

    def test_are_handed_on_in_the_order_of_asking(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=1)
            await take(limiter, SMALL, 1)
            order = []

            async def ask(number):
                await limiter.acquire(SMALL)
                order.append(number)
                limiter.release(SMALL)

            tasks = [asyncio.create_task(ask(number)) for number in range(5)]
            await asyncio.sleep(0)
            limiter.release(SMALL)
            await asyncio.gather(*tasks)
            assert order == [0, 1, 2, 3, 4]

        run(scenario())

    def test_leave_room_for_small_requests_beside_uploads(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=8)
            await take(limiter, UPLOAD, 6)
            assert await is_blocked(limiter, UPLOAD)
            assert not await is_blocked(limiter, SMALL)

        run(scenario())

    def test_let_small_requests_pass_however_many_downloads_run(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=8)
            await take(limiter, UPLOAD, 6)
            await take(limiter, DOWNLOAD, 6)
            assert await is_blocked(limiter, DOWNLOAD)
            assert not await is_blocked(limiter, SMALL)

        run(scenario())

    @pytest.mark.parametrize("kind", list(SlotKind))
    def test_never_run_out_for_any_kind_at_the_lowest_limit(self, kind):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=1)
            for other in SlotKind:
                if other is not kind:
                    await take(limiter, other, 1)
            assert not await is_blocked(limiter, kind)

        run(scenario())

    def test_are_given_back_when_a_waiter_is_cancelled(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=1)
            await take(limiter, SMALL, 1)
            waiters = [asyncio.create_task(limiter.acquire(SMALL)) for _ in range(3)]
            await asyncio.sleep(0)
            waiters[0].cancel()
            limiter.release(SMALL)
            waiters[1].cancel()
            await asyncio.gather(*waiters, return_exceptions=True)
            assert limiter.snapshot().in_flight == 1
            assert limiter.snapshot().waiting == 0
            limiter.release(SMALL)
            assert not await is_blocked(limiter, SMALL)

        run(scenario())

    @pytest.mark.parametrize("limit", [1, 2, 3, 8])
    def test_cannot_deadlock_when_copies_cross(self, limit):
        """Uploads of both registries hold a slot and wait for a download of the other, or of the same."""

        async def scenario():
            left, right = (
                EndpointLimiter(initial_concurrency=limit),
                EndpointLimiter(initial_concurrency=limit),
            )

            async def copy(source, target):
                await target.acquire(UPLOAD)
                await asyncio.sleep(0)
                await source.acquire(DOWNLOAD)
                await asyncio.sleep(0)
                source.release(DOWNLOAD)
                target.release(UPLOAD)

            pairs = [(left, right), (right, left), (left, left), (right, right)] * 20
            await asyncio.gather(*(copy(source, target) for source, target in pairs))
            assert left.snapshot().in_flight == right.snapshot().in_flight == 0

        run(scenario())

    def test_serve_several_event_loops_one_after_the_other(self):
        limiter = EndpointLimiter(initial_concurrency=1)

        async def scenario():
            await limiter.acquire(SMALL)
            limiter.release(SMALL)

        run(scenario())
        run(scenario())
        assert limiter.snapshot().in_flight == 0


async def saturate(limiter, seconds, answers):
    """Answer so many requests, with as many in flight as the limiter lets."""
    for _ in range(answers):
        while limiter.snapshot().in_flight < limiter.snapshot().limit:
            await limiter.acquire(SMALL)
        limiter.succeeded("HEAD", seconds)
        limiter.release(SMALL)


class TestGrowth:
    def test_doubles_with_every_round_while_answers_stay_quick(self):
        async def scenario():
            limiter = EndpointLimiter()
            await saturate(limiter, 0.04, 8)
            assert limiter.snapshot().limit == 16
            await saturate(limiter, 0.04, 48)
            assert limiter.snapshot().limit == 64

        run(scenario())

    def test_ends_at_the_maximum(self):
        async def scenario():
            limiter = EndpointLimiter(max_concurrency=10)
            await saturate(limiter, 0.04, 100)
            assert limiter.snapshot().limit == 10

        run(scenario())

    def test_stops_when_requests_begin_to_queue_at_the_registry(self):
        async def scenario():
            limiter = EndpointLimiter()
            await saturate(limiter, 0.001, 16)
            await saturate(limiter, 0.004, 500)
            assert limiter.snapshot().limit < 40

        run(scenario())

    def test_needs_requests_that_use_the_limit(self):
        async def scenario():
            limiter = EndpointLimiter()
            await limiter.acquire(SMALL)
            for _ in range(100):
                limiter.succeeded("HEAD", 0.04)
            assert limiter.snapshot().limit == 8

        run(scenario())

    def test_is_additive_after_a_sign_of_overload(self):
        async def scenario():
            limiter = EndpointLimiter(initial_concurrency=32)
            limiter.overloaded()
            assert limiter.snapshot().limit == 16
            await saturate(limiter, 0.04, 16)
            assert 16 <= limiter.snapshot().limit <= 17

        run(scenario())


class TestShare:
    def test_divides_everything_by_the_workers(self):
        limiter = EndpointLimiter(max_concurrency=64, initial_concurrency=64)
        limiter.share(workers=4, requests_per_second=None, bytes_per_second=400.0)
        assert limiter.snapshot().limit == 16
        limiter.bandwidth.reserve(100)
        assert limiter.bandwidth.reserve(50) == pytest.approx(0.5, abs=0.05)

    def test_gives_back_what_others_leave(self):
        limiter = EndpointLimiter(bytes_per_second=1.0)
        limiter.share(workers=64, requests_per_second=None, bytes_per_second=1.0)
        limiter.share(workers=1, requests_per_second=None, bytes_per_second=None)
        assert limiter.bandwidth.reserve(1e9) == 0.0


class TestOverloaded:
    def test_halves_once_however_many_answers_say_so_at_the_same_time(self):
        clock = Clock()
        limiter = EndpointLimiter(initial_concurrency=64, clock=clock)
        for _ in range(10):
            limiter.overloaded()
        assert limiter.snapshot().limit == 32
        clock.now += 0.2
        limiter.overloaded()
        assert limiter.snapshot().limit == 16

    def test_always_leaves_one(self):
        clock = Clock()
        limiter = EndpointLimiter(initial_concurrency=2, clock=clock)
        for _ in range(10):
            clock.now += 1
            limiter.overloaded()
        assert limiter.snapshot().limit == 1


class TestPause:
    def test_holds_everybody_back_until_it_is_over(self):
        async def scenario():
            wall = Clock()
            limiter = EndpointLimiter(wall_clock=wall)
            limiter.pause_until(wall.now + 0.01, "slow down")
            assert await is_blocked(limiter, SMALL)
            wall.now += 1
            assert not await is_blocked(limiter, SMALL)
            assert limiter.snapshot().paused_until is None

        run(scenario())

    def test_beyond_the_patience_is_an_error_at_once(self):
        async def scenario():
            wall = Clock()
            limiter = EndpointLimiter(patience_seconds=30, wall_clock=wall)
            limiter.pause_until(wall.now + 3600, "come back in an hour")
            with pytest.raises(Throttled, match="come back in an hour") as caught:
                await limiter.acquire(SMALL)
            assert caught.value.retry_at == wall.now + 3600
            assert limiter.snapshot().in_flight == 0

        run(scenario())

    def test_reaches_those_who_already_wait_for_a_slot(self):
        async def scenario():
            wall = Clock()
            limiter = EndpointLimiter(initial_concurrency=1, wall_clock=wall)
            await take(limiter, SMALL, 1)
            waiter = asyncio.create_task(limiter.acquire(SMALL))
            await asyncio.sleep(0)
            limiter.pause_until(wall.now + 3600, "later")
            limiter.release(SMALL)
            with pytest.raises(Throttled):
                await waiter
            assert limiter.snapshot().in_flight == 0

        run(scenario())

    def test_is_never_shortened(self):
        wall = Clock()
        limiter = EndpointLimiter(wall_clock=wall)
        limiter.pause_until(wall.now + 100, "long")
        limiter.pause_until(wall.now + 10, "short")
        assert limiter.snapshot().paused_until == wall.now + 100
        assert limiter.snapshot().pause_reason == "long"

    def test_has_no_cap(self):
        wall = Clock()
        limiter = EndpointLimiter(wall_clock=wall)
        assert limiter.throttled(wall.now + 6 * 3600, "six hours") == wall.now + 6 * 3600

    def test_doubles_with_every_burst_if_the_registry_names_no_time(self):
        clock, wall = Clock(), Clock()
        limiter = EndpointLimiter(clock=clock, wall_clock=wall)
        pauses = []
        for _ in range(8):
            until = limiter.throttled(None, "slow down")
            assert limiter.throttled(None, "slow down") == until
            pauses.append(until - wall.now)
            wall.now = until + 1
        assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
        limiter.succeeded("HEAD", 0.01)
        assert limiter.throttled(None, "slow down") - wall.now == 1


class TestBreakerFor:
    def test_is_shared_by_the_same_credentials_only(self):
        limiter = EndpointLimiter()
        assert limiter.breaker_for("user", "a") is limiter.breaker_for("user", "a")
        assert limiter.breaker_for("user", "a") is not limiter.breaker_for("user", "b")


@pytest.mark.parametrize(("header", "remaining"), [("76;w=21600", 76), ("0", 0), (" 5 ", 5), ("many", None)])
def test_note_remaining_reads_what_registries_send(header, remaining):
    limiter = EndpointLimiter()
    limiter.note_remaining(header)
    assert limiter.snapshot().remaining == remaining


class TestQuota:
    @pytest.mark.parametrize(
        ("header", "reset", "seconds"),
        [
            ("0;w=21600", None, 60),
            ("0;w=10", None, 10),
            ("0", None, 60),
            ("0", "1800", 1800),
            ("0;w=21600", "soon", 60),
        ],
    )
    def test_that_is_used_up_pauses_everyone(self, header, reset, seconds):
        wall = Clock()
        limiter = EndpointLimiter(wall_clock=wall)
        limiter.note_remaining(header, reset, is_counted=True)
        snapshot = limiter.snapshot()
        assert snapshot.paused_until == wall.now + seconds
        assert snapshot.pause_reason == "the registry's quota is used up"

    def test_may_return_at_a_moment(self):
        wall = Clock()
        wall.now = 1_800_000_000
        limiter = EndpointLimiter(wall_clock=wall)
        limiter.note_remaining("0", str(wall.now + 90), is_counted=True)
        assert limiter.snapshot().paused_until == wall.now + 90

    @pytest.mark.parametrize(("header", "is_counted"), [("1;w=21600", True), ("0;w=21600", False)])
    def test_that_is_not_touched_pauses_nobody(self, header, is_counted):
        limiter = EndpointLimiter()
        limiter.note_remaining(header, is_counted=is_counted)
        assert limiter.snapshot().paused_until is None


def test_requests_per_second_spread_requests():
    async def scenario():
        clock = Clock()
        limiter = EndpointLimiter(requests_per_second=2, clock=clock)
        await take(limiter, SMALL, 2)
        assert await is_blocked(limiter, SMALL)
        clock.now += 2
        assert not await is_blocked(limiter, SMALL)

    run(scenario())
