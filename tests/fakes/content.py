"""Bytes of blobs: kept, made on the fly or only counted, so that tests can move gigabytes without memory."""

import functools
import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

CHUNK_BYTES = 256 * 1024


class Content(Protocol):
    """Something of a known size that can be read from any offset."""

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        ...

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from start up to stop, in chunks of a bounded size."""
        ...


@dataclass(frozen=True, slots=True)
class InMemory:
    """Bytes that are simply kept."""

    data: bytes

    @property
    def size(self) -> int:
        """Return the number of bytes."""
        return len(self.data)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from start up to stop."""
        for offset in range(start, stop, CHUNK_BYTES):
            yield self.data[offset : min(offset + CHUNK_BYTES, stop)]


@dataclass(frozen=True, slots=True)
class Synthetic:
    """
    Bytes computed from a seed when they are read; two seeds share no chunk.

    Each chunk is the same random block behind the chunk's number, so that a chunk delivered twice
    or in the wrong place changes the digest.
    """

    size: int
    seed: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from start up to stop."""
        block = _random_block(self.seed)
        for number in range(start // CHUNK_BYTES, -(-stop // CHUNK_BYTES)):
            offset = number * CHUNK_BYTES
            chunk = number.to_bytes(8, "big") + block
            yield chunk[max(start - offset, 0) : min(stop - offset, CHUNK_BYTES)]


@dataclass(frozen=True, slots=True)
class Discarded:
    """Bytes that were hashed and counted when they arrived, and cannot be read again."""

    size: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Refuse: the bytes are gone."""
        raise LookupError(f"bytes {start} to {stop} of this blob were discarded on upload")


@dataclass(frozen=True, slots=True)
class NeverSent:
    """Bytes that are announced and do not come: the connection breaks instead."""

    size: int

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Break the connection."""
        raise ConnectionAbortedError("these bytes are never sent")


@functools.lru_cache(maxsize=8)
def _random_block(seed: int) -> bytes:
    return random.Random(seed).randbytes(CHUNK_BYTES - 8)


def digest_of(data: bytes | bytearray, algorithm: str = "sha256") -> str:
    """Return the digest of the bytes, like `sha256:…`."""
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


@functools.lru_cache(maxsize=64)
def synthetic_digest(content: Synthetic, algorithm: str = "sha256") -> str:
    """Return the digest of generated content; costs one pass over it, once."""
    hasher = hashlib.new(algorithm)
    for chunk in content.read(0, content.size):
        hasher.update(chunk)
    return f"{algorithm}:{hasher.hexdigest()}"
