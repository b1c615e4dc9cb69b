"""Blobs of one registry, read: whether they are there, and their bytes, resumed and verified."""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator
from urllib.parse import urlsplit

from registries.oci.digest import EMPTY_SHA256, Hasher, algorithm_of, digest_of, new_hasher
from registries.oci.direct_body import Chunk
from registries.oci.errors import (
    ConnectionCut,
    DigestMismatch,
    NotFound,
    RegistryError,
    ServerError,
    SizeMismatch,
    Throttled,
)
from registries.oci.exchange import Exchange
from registries.oci.limits import SlotKind
from registries.oci.manifest import Descriptor
from registries.oci.names import Names
from registries.oci.sending import Sender

_CONTENT_RANGE = re.compile(r"bytes\s+(\d+)-(\d+)/(?:\d+|\*)", re.ASCII | re.IGNORECASE)
_FOUND_OR_NOT = frozenset({200, 404})
# What a store answers to HEAD at an address that was signed for GET: the registry knew the blob.
_NOT_SIGNED_FOR_HEAD = frozenset({400, 403, 405})
_WORTH_ANOTHER_TRY = frozenset({408, 425, 429})


class Blobs:
    """The blobs of a registry."""

    def __init__(self, sender: Sender, names: Names) -> None:
        self._sender = sender
        self._names = names

    async def has(self, repository: str, digest: str) -> bool:
        """Tell whether the repository holds the blob."""
        reply = await self._sender.fetch(
            "HEAD",
            self._names.blob_path(repository, digest),
            self._names.read_scopes(repository),
            accept=_FOUND_OR_NOT,
            accept_elsewhere=_NOT_SIGNED_FOR_HEAD,
        )
        return reply.status != 404

    async def stream(
        self, repository: str, descriptor: Descriptor, *, offset: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """
        Yield the blob from the offset on like `lend`, in pieces that may be kept.

        The digest is verified before the last of them if the stream began at 0.

        Raises DigestMismatch besides. Bytes yielded before are then not to be trusted.
        """
        hasher = new_hasher(algorithm_of(descriptor.digest))
        position = offset
        async with contextlib.aclosing(self.lend(repository, descriptor, offset=offset)) as chunks:
            async for chunk in chunks:
                hasher.update(chunk)
                position += len(chunk)
                if offset == 0 and position == descriptor.size:
                    _check_digest(hasher, descriptor)
                yield bytes(chunk)

    async def lend(
        self, repository: str, descriptor: Descriptor, *, offset: int = 0
    ) -> AsyncGenerator[Chunk, None]:
        """
        Yield the blob from the offset on, unverified, in pieces as they arrive and never more than its size.

        A piece is only valid until the next one is asked for. A cut connection is resumed where it ended,
        for as long as a try brings at least a byte and the retry policy allows. A foreign layer that the
        registry does not hold is read, without credentials, from the first of its own addresses that has it.

        Raises NotFound or SizeMismatch among others.
        """
        if descriptor.data is not None or descriptor.size == 0:
            for content in _without_request(descriptor, offset):
                yield content
            return
        reading = _Reading(self._sender, self._names, repository, descriptor, offset)
        attempt = 0
        while reading.position < descriptor.size:
            attempt += 1
            began_at = reading.position
            try:
                async with contextlib.aclosing(reading.rest()) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except RegistryError as error:
                if reading.position > began_at:
                    attempt = 1
                delay = self._sender.delay_before_retry(attempt, error)
                if delay is not None:
                    await asyncio.sleep(delay)
                elif reading.turn_elsewhere(error):
                    attempt = 0
                else:
                    raise


class _Reading:
    """One blob on its way out of a registry, over as many requests as it takes."""

    def __init__(
        self, sender: Sender, names: Names, repository: str, descriptor: Descriptor, position: int
    ) -> None:
        self._sender = sender
        self._url = names.blob_path(repository, descriptor.digest)
        self._scopes = names.read_scopes(repository)
        self._descriptor = descriptor
        self._may_range = True
        self._addresses = list(descriptor.urls) if descriptor.is_foreign else []
        self._address: str | None = None
        self.position = position

    def turn_elsewhere(self, error: RegistryError) -> bool:
        """Go on at the next address of a foreign layer if the error is a reason to, and there is one."""
        is_reason = isinstance(error, NotFound) if self._address is None else not isinstance(error, Throttled)
        if not (is_reason and self._addresses):
            return False
        self._address = self._addresses.pop(0)
        self._may_range = True
        return True

    async def rest(self) -> AsyncGenerator[Chunk, None]:
        """
        Yield what one request brings from the position on, which moves along.

        Every request starts at the registry: the address it sends us to may have expired.

        Raises SizeMismatch if that is more or less than the rest of the blob.
        """
        size = self._descriptor.size
        is_ranged = self._may_range and self.position > 0
        headers = (("Range", f"bytes={self.position}-"),) if is_ranged else ()
        bandwidth = self._sender.limiter.bandwidth
        address = self._address
        exchange = await self._sender.open(
            "GET",
            self._url if address is None else self._sender.leave_for(address),
            self._scopes,
            headers=headers,
            kind=SlotKind.DOWNLOAD,
            is_anonymous=address is not None,
        )
        try:
            skip = await self._bytes_to_skip(exchange)
            async with contextlib.aclosing(exchange.lend_chunks()) as chunks:
                async for arrived in chunks:
                    await bandwidth.spend(len(arrived))
                    chunk = arrived[skip:] if skip else arrived
                    skip -= len(arrived) - len(chunk)
                    if self.position + len(chunk) > size:
                        raise SizeMismatch(f"{self._descriptor.digest} is longer than {size} bytes")
                    if chunk:
                        self.position += len(chunk)
                        yield chunk
        finally:
            await exchange.aclose()
        if self.position < size:
            raise SizeMismatch(f"{self._descriptor.digest} ends after {self.position} of {size} bytes")

    async def _bytes_to_skip(self, exchange: Exchange) -> int:
        """Return how many bytes of the answer were seen before."""
        if exchange.status == 206:
            match = _CONTENT_RANGE.fullmatch(exchange.headers.get("content-range", "").strip())
            if match is None or int(match.group(1)) > self.position:
                self._may_range = False
                raise ConnectionCut("the registry answered with another range than it was asked for")
            return self.position - int(match.group(1))
        if exchange.status == 416:
            await exchange.aclose()
            raise SizeMismatch(f"{self._descriptor.digest} ends before byte {self.position}", status=416)
        if exchange.status != 200:
            if self._address is None:
                raise await self._sender.error_of(exchange)
            raise _refusal_elsewhere(exchange)
        length = exchange.headers.get("content-length", "")
        if length.isdigit() and int(length) != self._descriptor.size:
            raise SizeMismatch(f"{self._descriptor.digest} has {length} bytes, not {self._descriptor.size}")
        return self.position


def _refusal_elsewhere(exchange: Exchange) -> RegistryError:
    """Return what an answer means that came from no registry: nothing about our credentials or its limits."""
    status, host = exchange.status, urlsplit(exchange.url).hostname
    kind = ServerError if status >= 500 or status in _WORTH_ANOTHER_TRY else NotFound
    return kind(f"the layer is not in the registry, and {host} answers HTTP {status}", status=status)


def _without_request(descriptor: Descriptor, offset: int) -> tuple[bytes, ...]:
    """Return the content that needs no request. An empty blob needs none either."""
    data = descriptor.data or b""
    if descriptor.data is None and descriptor.digest != EMPTY_SHA256:
        algorithm = algorithm_of(descriptor.digest)
        if digest_of(b"", algorithm) != descriptor.digest:
            raise DigestMismatch(f"{descriptor.digest} is said to be empty and cannot be")
    return (data[offset:],) if len(data) > offset else ()


def _check_digest(hasher: Hasher, descriptor: Descriptor) -> None:
    actual = hasher.hexdigest()
    if not descriptor.digest.endswith(f":{actual}"):
        raise DigestMismatch(f"the bytes of {descriptor.digest} hash to {actual}")
