"""Clients for tests: quick to retry, allowed to speak to loopback, with a guard against hanging."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Coroutine
from typing import Any, TypeVar

from registries.oci.client import RegistryClient
from registries.oci.digest import digest_of
from registries.oci.endpoint import Endpoint
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.manifest import Descriptor
from registries.oci.retry import RetryPolicy
from registries.oci.uploads import Upload

T = TypeVar("T")

LOOPBACK = HostGuard(allowed_networks=["127.0.0.0/8", "::1/128"])
QUICK = RetryPolicy(attempts=3, first_delay_seconds=0.01, max_delay_seconds=0.02, throttled_attempts=4)
IMPATIENT = Timeouts(connect_seconds=5, stall_seconds=0.3, commit_seconds=5)
PATIENT = Timeouts(connect_seconds=5, stall_seconds=20, commit_seconds=20)


def run(coroutine: Coroutine[Any, Any, T], seconds: float = 30) -> T:
    """Run the coroutine in a loop of its own and fail if it hangs."""

    async def bounded() -> T:
        async with asyncio.timeout(seconds):
            return await coroutine

    return asyncio.run(bounded())


def connect(
    url: str,
    *,
    prefix: str = "",
    credentials: tuple[str, str] | None = None,
    limiter: EndpointLimiter | None = None,
    guard: HostGuard = LOOPBACK,
    timeouts: Timeouts = PATIENT,
    retry: RetryPolicy = QUICK,
    writes: bool = False,
) -> RegistryClient:
    """Return a client of a registry on this machine."""
    username, password = credentials or (None, None)
    endpoint = Endpoint(url, prefix, username, password)
    return RegistryClient(
        endpoint, limiter=limiter, guard=guard, timeouts=timeouts, retry=retry, writes=writes
    )


async def collect(pages: AsyncIterable[list[str]]) -> list[str]:
    """Return the names of all pages."""
    return [name async for page in pages for name in page]


async def read(chunks: AsyncIterable[bytes | memoryview]) -> bytes:
    """Return all bytes of a stream."""
    return b"".join([bytes(chunk) async for chunk in chunks])


async def begin(client: RegistryClient, repository: str, algorithm: str = "sha256") -> Upload:
    """Return a new upload session."""
    upload = await client.start_upload(repository, algorithm=algorithm)
    assert upload is not None
    return upload


def describe(data: bytes, algorithm: str = "sha256") -> Descriptor:
    """Return the descriptor of a blob with these bytes."""
    return Descriptor("application/octet-stream", digest_of(data, algorithm), len(data))


class Source:
    """Bytes to upload, with a record of the offsets from which they were asked for."""

    def __init__(self, data: bytes, chunk_size: int = 64 * 1024) -> None:
        self.data = data
        self.chunk_size = chunk_size
        self.offsets: list[int] = []
        self.open_count = 0

    def __call__(self, offset: int) -> AsyncIterator[bytes]:
        self.offsets.append(offset)
        return self._chunks(offset)

    async def _chunks(self, offset: int) -> AsyncIterator[bytes]:
        self.open_count += 1
        try:
            for start in range(offset, len(self.data), self.chunk_size):
                await asyncio.sleep(0)
                yield self.data[start : start + self.chunk_size]
        finally:
            self.open_count -= 1
