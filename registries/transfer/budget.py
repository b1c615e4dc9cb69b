"""Bounds how much an engine does at once: tags, blobs and bytes held in memory."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# What one long stream may hold between two sockets: the two buffers of `registries.oci.direct_body`.
STREAM_BUFFER_BYTES = 2 * 1024 * 1024
# Blobs up to this size hold no more than themselves and never wait behind long streams.
SMALL_BLOB_BYTES = 256 * 1024


class Budget:
    """
    Slots shared by everything that runs in one event loop; a waiter gets its slot in order of arrival.

    A tag holds its slot until it is finished, a blob only while its bytes move. Whoever waits for another's
    transfer holds no blob slot, and blobs never wait for tags: so waiting can't come full circle.
    """

    def __init__(self, *, tags: int = 64, blobs: int = 64, buffered_bytes: int = 48 * 1024 * 1024) -> None:
        self.max_tags = tags
        self._tags = asyncio.Semaphore(tags)
        self._blobs = asyncio.Semaphore(blobs)
        self._streams = asyncio.Semaphore(max(1, buffered_bytes // STREAM_BUFFER_BYTES))

    @asynccontextmanager
    async def tag(self) -> AsyncIterator[None]:
        """Hold a slot for one tag."""
        async with self._tags:
            yield

    @asynccontextmanager
    async def blob(self, size: int) -> AsyncIterator[None]:
        """Hold a slot for the transfer of a blob of this many bytes."""
        if size <= SMALL_BLOB_BYTES:
            async with self._blobs:
                yield
        else:
            # The scarcer slot first: a long stream that waits must not keep a small blob's slot.
            async with self._streams, self._blobs:
                yield
