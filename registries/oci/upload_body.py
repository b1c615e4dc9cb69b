"""The bytes of a blob on their way into a registry, verified before the last of them is let go."""

import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable

import httpx

from registries.oci.digest import HashedChunk, algorithm_of, new_hasher
from registries.oci.direct_body import Chunk
from registries.oci.errors import DigestMismatch, RegistryError, SizeMismatch
from registries.oci.manifest import Descriptor
from registries.oci.pace import Pace

OpenSource = Callable[[int], AsyncIterator[Chunk]]
"""Opens a blob at an offset. Its pieces may be only lent."""


class Verifier:
    """Hashes a blob once and in order, however often parts of it are sent, unless who brings it has done so."""

    def __init__(self, descriptor: Descriptor) -> None:
        self._descriptor = descriptor
        self._hasher = new_hasher(algorithm_of(descriptor.digest))
        self.position = 0

    def feed(self, chunk: Chunk, start: int) -> None:
        """Take the bytes that begin at `start`; those seen before are skipped."""
        end = start + len(chunk)
        if end <= self.position:
            return
        if isinstance(chunk, HashedChunk):
            self._hasher = chunk.hasher.copy()
        else:
            self._hasher.update(chunk if start == self.position else chunk[self.position - start :])
        self.position = end

    def check(self) -> None:
        """Raise DigestMismatch unless the bytes seen are the blob."""
        actual = self._hasher.hexdigest()
        if not self._descriptor.digest.endswith(f":{actual}"):
            raise DigestMismatch(f"the bytes of {self._descriptor.digest} hash to {actual}")


class UploadBody(httpx.AsyncByteStream):
    """
    The bytes from `start` up to `end` of a blob, from its source, as the body of one request.

    `failure` is what the source raised, or what is wrong with its bytes: the transport only sees a
    request that breaks off. The body can be sent once.
    """

    def __init__(
        self,
        descriptor: Descriptor,
        open_source: OpenSource,
        verifier: Verifier,
        *,
        start: int,
        end: int,
        bandwidth: Pace,
    ) -> None:
        self._descriptor = descriptor
        self._open_source = open_source
        self._verifier = verifier
        self._start = start
        self._end = end
        self._bandwidth = bandwidth
        self._chunks: AsyncGenerator[Chunk, None] = self._read()
        self.failure: Exception | None = None

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._chunks  # type: ignore[return-value]  # httpx knows bytes only; our transport takes both

    async def aclose(self) -> None:
        """Close the source. A source that is being read at this moment is cancelled by its reader."""
        with contextlib.suppress(RuntimeError):
            await self._chunks.aclose()

    async def _read(self) -> AsyncGenerator[Chunk, None]:
        source = self._open_source(self._start)
        position = self._start
        try:
            async for arrived in source:
                is_whole = position + len(arrived) <= self._end or self._end == self._descriptor.size
                chunk = arrived if is_whole else arrived[: self._end - position]
                self._verifier.feed(chunk, position)
                position += len(chunk)
                self._check(position)
                await self._bandwidth.spend(len(chunk))
                yield chunk
                if position == self._end:
                    break
            if position < self._end:
                raise SizeMismatch(
                    f"{self._descriptor.digest} ends after {position} of {self._descriptor.size} bytes"
                )
        except Exception as error:
            if isinstance(error, RegistryError) and error.side is None:
                error.side = "source"
            self.failure = error
            raise
        finally:
            if isinstance(source, AsyncGenerator):
                await source.aclose()

    def _check(self, position: int) -> None:
        if position > self._descriptor.size:
            raise SizeMismatch(f"{self._descriptor.digest} is longer than {self._descriptor.size} bytes")
        if position == self._descriptor.size:
            self._verifier.check()
