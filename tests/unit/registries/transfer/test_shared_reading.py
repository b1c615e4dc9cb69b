"""One source and several targets: every blob is read once, and nobody waits for anybody for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, ExitStack, contextmanager

import pytest

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import Event, TagFinished
from registries.transfer.known import KnownBlobs
from registries.transfer.shared_reading import SharedReads
from tests.fakes import images
from tests.fakes.artifacts import OCI_LAYER
from tests.fakes.faults import Fault, Gate
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import IMPATIENT, PATIENT, QUICK, REPOSITORY, make_request, never

MEBIBYTE = 1024 * 1024


class Fan:
    """A source, its targets, and what the engines between them said."""

    def __init__(self, source: FakeRegistry, targets: list[FakeRegistry]) -> None:
        self.source = source
        self.targets = targets
        self.reads = SharedReads()
        self.events: list[list[Event]] = [[] for _ in targets]
        self.finished_at: list[float] = [0.0 for _ in targets]
        self.most_held_bytes = 0

    def put(self, *sizes: int, tag: str = "v1", repository: str = REPOSITORY, seed: int = 0) -> None:
        layers = [
            {
                "mediaType": OCI_LAYER,
                "digest": self.source.put_synthetic_blob(repository, size, seed + number),
                "size": size,
            }
            for number, size in enumerate(sizes)
        ]
        images.push(images.image(f"{tag}{seed}", layers=0, extra_layers=layers), self.source, repository, tag)

    def run(
        self,
        *tags: str,
        expected: bool = True,
        timeouts=PATIENT,
        meanwhile: Callable[[], object] | None = None,
    ) -> None:
        asyncio.run(self._run(tags or ("v1",), expected, timeouts, meanwhile))

    async def _run(self, tags, expected, timeouts, meanwhile) -> None:
        guard = HostGuard(allowed_networks=("127.0.0.0/8",))
        async with AsyncExitStack() as stack:
            source = await stack.enter_async_context(
                RegistryClient(Endpoint(self.source.url), guard=guard, timeouts=timeouts, retry=QUICK)
            )
            clients = [
                await stack.enter_async_context(
                    RegistryClient(
                        Endpoint(target.url), guard=guard, writes=True, timeouts=timeouts, retry=QUICK
                    )
                )
                for target in self.targets
            ]
            tasks = set()
            for number, client in enumerate(clients):
                tasks.add(asyncio.create_task(self._copy(number, source, client, tags, expected)))
            watch = asyncio.create_task(self._watch())
            if meanwhile is not None:
                await asyncio.to_thread(meanwhile)
            try:
                await asyncio.gather(*tasks)
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
                await self.reads.aclose()
            assert self.reads.held_bytes == 0
            assert asyncio.all_tasks() == {asyncio.current_task()}

    async def _copy(self, number, source, client, tags, expected) -> None:
        engine = Engine(source, client, known=KnownBlobs(), budget=Budget(), reads=self.reads)
        with ExitStack() as stack:
            if expected:
                stack.enter_context(self.reads.expecting(source.endpoint, client.endpoint, REPOSITORY))
            await engine.copy(make_request(*tags), emit=self.events[number].append, is_stopping=never)
        self.finished_at[number] = time.monotonic()

    async def _watch(self) -> None:
        while True:
            self.most_held_bytes = max(self.most_held_bytes, self.reads.held_bytes)
            await asyncio.sleep(0.005)

    @property
    def read_bytes(self) -> int:
        return sum(one.response_bytes for one in self.source.requests if "/blobs/" in one.path)

    @property
    def unique_bytes(self) -> int:
        return sum(self.source.blobs(REPOSITORY).values())

    def statuses(self, number: int) -> list[str]:
        return [event.status for event in self.events[number] if isinstance(event, TagFinished)]


@contextmanager
def fan_of(count: int, *, discard_uploads: bool = False) -> Iterator[Fan]:
    with ExitStack() as stack:
        source = stack.enter_context(FakeRegistry())
        targets = [stack.enter_context(FakeRegistry(discard_uploads=discard_uploads)) for _ in range(count)]
        yield Fan(source, targets)


@pytest.fixture
def fan() -> Iterator[Fan]:
    with fan_of(3) as fan:
        yield fan


class TestSharing:
    def test_reads_each_blob_once_for_three_targets(self, fan: Fan) -> None:
        fan.put(8 * MEBIBYTE, 3 * MEBIBYTE, 200_000, 10)
        fan.put(8 * MEBIBYTE, 5 * MEBIBYTE, tag="v2", seed=0)
        fan.run("v1", "v2")
        assert [fan.statuses(number) for number in range(3)] == [["copied", "copied"]] * 3
        for target in fan.targets:
            assert target.blobs(REPOSITORY) == fan.source.blobs(REPOSITORY)
        assert fan.read_bytes <= 1.1 * fan.unique_bytes

    def test_reads_many_blobs_once(self, fan: Fan) -> None:
        for number in range(20):
            fan.put(2 * MEBIBYTE, 100_000, tag=f"v{number}", seed=100 * number)
        fan.run(*(f"v{number}" for number in range(20)))
        assert fan.read_bytes <= 1.1 * fan.unique_bytes

    def test_reads_blobs_once_that_are_larger_than_the_memory_for_them(self) -> None:
        with fan_of(3, discard_uploads=True) as fan:
            fan.put(96 * MEBIBYTE, 80 * MEBIBYTE)
            fan.run()
            assert fan.read_bytes <= 1.1 * fan.unique_bytes
            assert fan.most_held_bytes <= 34 * MEBIBYTE

    def test_of_many_large_blobs_ends_however_little_memory_there_is(self) -> None:
        with fan_of(3, discard_uploads=True) as fan:
            fan.reads = SharedReads(budget_bytes=2 * MEBIBYTE)
            fan.targets[1].options.latency_seconds = 0.02
            tags = [f"v{number}" for number in range(24)]
            for number, tag in enumerate(tags):
                fan.put(2 * MEBIBYTE + number, 5 * MEBIBYTE + number, 300_000, tag=tag, seed=100 * number)
            fan.run(*tags)
            assert all(fan.statuses(number) == ["copied"] * 24 for number in range(3))
            assert fan.read_bytes <= 1.6 * fan.unique_bytes
            assert fan.most_held_bytes <= 24 * MEBIBYTE

    def test_changes_nothing_for_a_single_target(self) -> None:
        with fan_of(1) as fan:
            fan.put(3 * MEBIBYTE)
            fan.run()
            assert (fan.statuses(0), fan.most_held_bytes) == (["copied"], 0)

    def test_keeps_nothing_when_all_have_it(self, fan: Fan) -> None:
        fan.put(3 * MEBIBYTE, 10)
        fan.run()
        assert fan.reads.held_bytes == 0


class TestSlowTarget:
    def test_is_left_behind_and_reads_the_rest_for_itself(self) -> None:
        with fan_of(3, discard_uploads=True) as fan:
            fan.put(64 * MEBIBYTE)
            gate = Gate()
            fan.targets[2].fault(Fault(method="PUT", path="/uploads/", gate=gate, times=1))

            def open_when_the_others_are_done() -> None:
                deadline = time.monotonic() + 20
                while not all(fan.finished_at[:2]) and time.monotonic() < deadline:
                    time.sleep(0.02)
                gate.open()

            fan.run(meanwhile=open_when_the_others_are_done)
            assert all(fan.statuses(number) == ["copied"] for number in range(3))
            assert fan.finished_at[2] > max(fan.finished_at[:2])
            assert fan.read_bytes <= 2.1 * fan.unique_bytes

    def test_that_never_comes_holds_up_nobody(self) -> None:
        with fan_of(3, discard_uploads=True) as fan:
            fan.put(64 * MEBIBYTE)
            gate = Gate()
            fan.targets[2].fault(Fault(path="/tags/list|/manifests/", gate=gate, times=None))

            def open_when_the_others_are_done() -> None:
                deadline = time.monotonic() + 20
                while not all(fan.finished_at[:2]) and time.monotonic() < deadline:
                    time.sleep(0.02)
                assert all(fan.finished_at[:2])
                gate.open()

            fan.run(meanwhile=open_when_the_others_are_done)
            assert all(fan.statuses(number) == ["copied"] for number in range(3))


class TestFailure:
    def test_of_one_target_does_not_touch_the_others(self, fan: Fan) -> None:
        fan.put(8 * MEBIBYTE, 10)
        fan.targets[1].fault(Fault(method="PUT", path="/uploads/", cut_request_after=100_000, times=None))
        fan.run(timeouts=IMPATIENT)
        assert [fan.statuses(number) for number in (0, 2)] == [["copied"], ["copied"]]
        assert fan.statuses(1) == ["failed"]

    def test_of_the_source_is_told_to_all(self, fan: Fan) -> None:
        fan.put(MEBIBYTE)
        fan.source.fault(Fault(method="GET", path="/blobs/", status=404, times=None))
        fan.run()
        for number in range(3):
            (failed,) = (event for event in fan.events[number] if isinstance(event, TagFinished))
            assert (failed.reason, failed.side) == ("not_found", "source")

    def test_of_a_connection_is_healed_once_for_all(self, fan: Fan) -> None:
        fan.put(8 * MEBIBYTE)
        fan.source.fault(Fault(method="GET", path="/blobs/", cut_response_after=3 * MEBIBYTE, times=1))
        fan.run()
        assert [fan.statuses(number) for number in range(3)] == [["copied"]] * 3
        assert fan.read_bytes <= 1.1 * fan.unique_bytes

    def test_of_bytes_that_arrived_wrong_is_not_kept(self, fan: Fan) -> None:
        fan.put(2 * MEBIBYTE)
        fan.source.fault(Fault(method="GET", path="/blobs/", wrong_bytes=True, times=1))
        fan.run()
        fan.run()
        for target in fan.targets:
            assert set(target.blobs(REPOSITORY)) == set(fan.source.blobs(REPOSITORY))
