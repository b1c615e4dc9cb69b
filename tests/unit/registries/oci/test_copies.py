"""Uploads whose source is another client: what they hold, and that they give it back."""

import asyncio

import pytest

from registries.oci.limits import EndpointLimiter
from registries.oci.manifest import Descriptor
from tests.fakes.faults import Fault
from tests.fakes.registry import FakeRegistry
from tests.unit.registries.oci.clients import begin, connect, describe, run

DATA = bytes(range(256)) * 4096  # 1 MiB
BLOB = describe(DATA)
HALF = len(DATA) // 2


@pytest.fixture
def registry():
    with FakeRegistry() as registry:
        yield registry


class TestSlots:
    def test_are_given_back_on_both_sides_however_a_copy_ends(self, registry):
        source_limiter, target_limiter = EndpointLimiter(), EndpointLimiter()
        with FakeRegistry() as origin:
            origin.put_blob("a/b", DATA)
            registry.fault(Fault(method="PUT", cut_request_after=HALF))
            origin.fault(Fault(method="GET", cut_response_after=HALF, after=1, times=2))

            async def scenario():
                async with (
                    connect(origin.url, limiter=source_limiter) as source,
                    connect(registry.url, limiter=target_limiter, writes=True) as target,
                ):
                    session = await begin(target, "team/app")
                    await target.upload_blob(
                        session,
                        BLOB,
                        lambda offset: source.lend_blob("a/b", BLOB, offset=offset),
                    )
                    assert source_limiter.snapshot().in_flight == 0
                    assert target_limiter.snapshot().in_flight == 0

            run(scenario())
        assert registry.blob("team/app", BLOB.digest) == DATA

    def test_are_given_back_on_both_sides_when_a_copy_is_cancelled(self, registry):
        source_limiter, target_limiter = EndpointLimiter(), EndpointLimiter()
        with FakeRegistry() as origin:
            origin.put_blob("a/b", DATA)
            origin.fault(Fault(method="GET", stall_after=HALF))

            async def scenario():
                async with (
                    connect(origin.url, limiter=source_limiter) as source,
                    connect(registry.url, limiter=target_limiter, writes=True) as target,
                ):
                    session = await begin(target, "team/app")
                    task = asyncio.create_task(
                        target.upload_blob(
                            session, BLOB, lambda offset: source.stream_blob("a/b", BLOB, offset=offset)
                        )
                    )
                    while (
                        not registry.requests_of("PUT") or registry.requests_of("PUT")[0].request_bytes < HALF
                    ):
                        await asyncio.sleep(0.005)
                    task.cancel()
                    with pytest.raises(asyncio.CancelledError):
                        await task
                    await asyncio.sleep(0.01)
                    assert source_limiter.snapshot().in_flight == 0
                    assert target_limiter.snapshot().in_flight == 0

            run(scenario())

    def test_suffice_for_many_copies_within_one_registry(self, registry):
        limiter = EndpointLimiter(initial_concurrency=2, max_concurrency=2)
        blobs = [describe(bytes([number]) * 300_000) for number in range(20)]
        for number in range(20):
            registry.put_blob("a/b", bytes([number]) * 300_000)

        async def scenario():
            async with connect(registry.url, limiter=limiter, writes=True) as client:

                async def copy(blob: Descriptor):
                    session = await begin(client, "team/app")
                    await client.upload_blob(
                        session,
                        blob,
                        lambda offset: client.lend_blob("a/b", blob, offset=offset),
                    )

                await asyncio.gather(*map(copy, blobs))

        run(scenario())
        assert set(registry.blobs("team/app")) == {blob.digest for blob in blobs}
