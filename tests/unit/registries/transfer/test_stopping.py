"""A copy that is asked to stop stops soon, tidies up, and leaves to others what they had waited for."""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable

import pytest

from registries.transfer.engine import Engine, Stopped
from tests.fakes import images
from tests.fakes.faults import Fault, Gate
from tests.unit.registries.transfer.harness import REPOSITORY, Bench, never


def after(count: int) -> Callable[[], bool]:
    """Return a function that wants to stop when it has been asked so often."""
    answers = itertools.chain([False] * count, itertools.repeat(True))
    return lambda: next(answers)


class TestStopping:
    def test_before_the_start_asks_nothing(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        with pytest.raises(Stopped):
            bench.run(lambda engine: bench.copy_with(engine, "v1", is_stopping=lambda: True))
        assert bench.source.count() == bench.target.count() == 0

    @pytest.mark.parametrize("count", range(1, 7))
    def test_at_any_moment_leaves_no_session_no_task_and_no_tag(self, bench: Bench, count: int) -> None:
        bench.put(images.image(layers=0), "v1")
        with pytest.raises(Stopped):
            bench.run(
                lambda engine: bench.copy_with(engine, "v1", target_tags=set(), is_stopping=after(count))
            )
        assert bench.target.tags(REPOSITORY) == {}
        assert bench.target.open_uploads() == 0
        assert bench.finished == []

    def test_in_the_middle_of_a_blob_does_not_wait_for_its_end(self, bench: Bench) -> None:
        digest = bench.source.put_synthetic_blob(REPOSITORY, 400_000_000, 1)
        image = images.image(layers=0, extra_layers=[_layer(digest, 400_000_000)])
        bench.put(image, "v1")
        bench.target.options.discard_uploads = True
        with pytest.raises(Stopped):
            bench.run(lambda engine: bench.copy_with(engine, "v1", target_tags=set(), is_stopping=after(50)))
        sent = sum(request.response_bytes for request in bench.source.requests_of("GET", digest))
        assert sent < 200_000_000
        assert bench.target.open_uploads() == 0

    @pytest.mark.parametrize("side", ["source", "target"])
    def test_while_a_registry_says_nothing_does_not_wait_for_it(self, bench: Bench, side: str) -> None:
        bench.put(images.image(), "v1")
        gate, is_stopping = Gate(), threading.Event()
        registry = bench.source if side == "source" else bench.target
        registry.fault(Fault(path="/blobs/", gate=gate, times=None))
        bench.timeouts = type(bench.timeouts)(stall_seconds=60, commit_seconds=60)

        async def work(engine: Engine) -> None:
            copy = asyncio.ensure_future(
                bench.copy_with(engine, "v1", target_tags=set(), is_stopping=is_stopping.is_set)
            )
            await asyncio.to_thread(gate.wait_until_reached)
            is_stopping.set()
            await copy

        try:
            with pytest.raises(Stopped):
                bench.run(work)
        finally:
            gate.open()

    def test_while_an_endpoint_pauses_does_not_wait_for_it(self, bench: Bench) -> None:
        bench.put(images.image(), "v1")
        bench.limits = {"patience_seconds": 3600}
        bench.source.fault(Fault(path="/blobs/", status=429, headers={"Retry-After": "600"}, times=None))
        started_at = time.monotonic()

        def is_stopping() -> bool:
            return bench.source.count("GET", "/blobs/") > 0 and time.monotonic() > started_at + 0.1

        with pytest.raises(Stopped):
            bench.run(
                lambda engine: bench.copy_with(engine, "v1", target_tags=set(), is_stopping=is_stopping)
            )
        assert bench.target.tags(REPOSITORY) == {}

    def test_keeps_the_outcomes_of_tags_that_were_finished(self, bench: Bench) -> None:
        for n in range(20):
            bench.put(images.image(n, layers=0), f"v{n}")
        bench.budget = {"tags": 1}
        tags = [f"v{n}" for n in range(20)]
        with pytest.raises(Stopped):
            bench.run(lambda engine: bench.copy_with(engine, *tags, target_tags=set(), is_stopping=after(60)))
        assert 0 < len(bench.finished) < 20
        assert set(bench.target.tags(REPOSITORY)) >= {outcome.tag for outcome in bench.finished}

    def test_leaves_the_blob_to_another_repository_that_waits_for_it(self, bench: Bench) -> None:
        image = images.image(layers=1)
        bench.put(image, "v1", repository="team/stopped")
        bench.put(image, "v1", repository="team/other")
        gate, is_stopping = Gate(), threading.Event()
        bench.source.fault(Fault(path="/team/stopped/blobs/", gate=gate, times=None))

        async def work(engine: Engine) -> None:
            stopped = asyncio.ensure_future(
                bench.copy_with(
                    engine,
                    "v1",
                    repository="team/stopped",
                    target_tags=set(),
                    is_stopping=is_stopping.is_set,
                )
            )
            await asyncio.to_thread(gate.wait_until_reached)
            other = asyncio.ensure_future(
                bench.copy_with(engine, "v1", repository="team/other", target_tags=set())
            )
            await asyncio.sleep(0.05)
            is_stopping.set()
            with pytest.raises(Stopped):
                await stopped
            await other

        try:
            bench.run(work)
        finally:
            gate.open()
        bench.assert_same(image, "v1", "team/other")

    def test_leaves_the_manifest_to_another_copy_of_the_same_repository(self, bench: Bench) -> None:
        index = bench.put(images.multi_platform(), "v1", "v2")
        gate, is_stopping = Gate(), threading.Event()
        bench.source.fault(Fault(path="/blobs/", gate=gate))

        async def work(engine: Engine) -> None:
            stopped = asyncio.ensure_future(
                bench.copy_with(engine, "v1", target_tags=set(), is_stopping=is_stopping.is_set)
            )
            await asyncio.to_thread(gate.wait_until_reached)
            other = asyncio.ensure_future(bench.copy_with(engine, "v2", target_tags=set()))
            await asyncio.sleep(0.05)
            is_stopping.set()
            with pytest.raises(Stopped):
                await stopped
            await other

        try:
            bench.run(work)
        finally:
            gate.open()
        bench.assert_same(index, "v2")


class TestCancelling:
    def test_the_task_tidies_up_as_well(self, bench: Bench) -> None:
        bench.put(images.image(layers=0), "v1")
        gate = Gate()
        bench.source.fault(Fault(path="/blobs/", gate=gate, times=None))

        async def work(engine: Engine) -> None:
            copy = asyncio.ensure_future(bench.copy_with(engine, "v1", target_tags=set(), is_stopping=never))
            await asyncio.to_thread(gate.wait_until_reached)
            copy.cancel()
            with pytest.raises(asyncio.CancelledError):
                await copy

        try:
            bench.run(work)
        finally:
            gate.open()
        assert bench.target.open_uploads() == 0


def _layer(digest: str, size: int) -> dict[str, object]:
    return {"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": digest, "size": size}
