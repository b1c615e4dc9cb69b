"""
Sends a blob into an upload session: one streaming PUT, and what it takes when that does not go through.

A cut connection is resumed from what the registry kept: one PATCH with the rest, then an empty PUT. A
registry that loses the session or its bytes gets a new session (distribution 2.8 refuses every session
in which a request was cut); one that finds a single request too large gets the blob in pieces.
"""

import asyncio
import contextlib

from registries.oci.digest import is_digest
from registries.oci.errors import (
    DigestMismatch,
    NotFound,
    PermanentError,
    RegistryError,
    Throttled,
    TooLarge,
    TransientError,
    UploadLost,
)
from registries.oci.exchange import Exchange
from registries.oci.limits import SlotKind
from registries.oci.links import with_query
from registries.oci.manifest import Descriptor
from registries.oci.sending import Sender
from registries.oci.upload_body import OpenSource, UploadBody, Verifier
from registries.oci.uploads import Upload, Uploads, kept_bytes

# Below this a new session is as good as a resumed one, and every registry handles it.
_RESUME_FROM_BYTES = 64 * 1024
# Up to this a blob is read before it is sent, so that no slot of the target waits for the source.
_WHOLE_BYTES = 128 * 1024
# Some registries refuse single requests above 20 MB.
_CHUNK_BYTES = 16 * 1024 * 1024


class BlobSending:
    """One blob on its way into one session. Used once."""

    def __init__(
        self,
        sender: Sender,
        uploads: Uploads,
        upload: Upload,
        descriptor: Descriptor,
        open_source: OpenSource,
    ) -> None:
        self._sender = sender
        self._uploads = uploads
        self._upload = upload
        self._descriptor = descriptor
        self._open_source = open_source
        self._verifier = Verifier(descriptor)
        self._scopes = uploads.scopes(upload.repository)
        self._may_resume = True
        self._whole: bytes | None = None
        self._chunk_bytes = descriptor.size

    async def run(self) -> None:
        """
        Return once the registry holds the blob.

        What the source raises is raised, with `side` "source", after the session was cancelled.
        """
        attempt, offset = 0, 0
        while True:
            attempt += 1
            try:
                await self._send_from(offset)
                return
            except _SourceFailedError as failed:
                await self._uploads.cancel(self._upload)
                raise failed.failure from None
            except (TransientError, Throttled, TooLarge) as error:
                delay = self._delay_before_retry(attempt, error)
                if delay is None:
                    raise
                problem = error
            await asyncio.sleep(delay)
            kept = await self._find_offset(problem, resumed_from=offset)
            if kept > offset:
                attempt = 0
            offset = kept

    async def _send_from(self, offset: int) -> None:
        size = self._descriptor.size
        if offset == 0 and self._chunk_bytes >= size:
            await self._finish(await self._request("PUT", 0, size))
            return
        while offset < size:
            end = min(size, offset + self._chunk_bytes)
            exchange = await self._request("PATCH", offset, end)
            await self._expect(exchange, (200, 201, 202, 204))
            self._uploads.follow(self._upload, exchange.headers, exchange.url)
            if "range" in exchange.headers and kept_bytes(exchange.headers) != end:
                raise UploadLost("the registry did not keep what was sent")
            offset = end
        await self._finish(await self._request("PUT", size, size))

    async def _request(self, method: str, start: int, end: int) -> Exchange:
        """Send the bytes from start to end and return the answer."""
        url = self._upload.location
        headers = [("Content-Length", str(end - start))]
        if end > start:
            headers.append(("Content-Type", "application/octet-stream"))
        if method == "PUT":
            url = with_query(url, f"digest={self._descriptor.digest.replace(':', '%3A')}")
        else:
            headers.append(("Content-Range", f"{start}-{end - 1}"))
        if end == start:
            return await self._sender.open(
                method, url, self._scopes, headers=headers, content=b"", kind=SlotKind.UPLOAD
            )
        if self._descriptor.size <= _WHOLE_BYTES:
            content = await self._read_whole()
            return await self._sender.open(method, url, self._scopes, headers=headers, content=content)
        return await self._stream(method, url, headers, start, end)

    async def _read_whole(self) -> bytes:
        """Return the whole blob, read and verified once. Streaming a small one would cost twice the CPU."""
        if self._whole is None:
            body = self._new_body(0, self._descriptor.size)
            try:
                self._whole = b"".join([bytes(chunk) async for chunk in body])
            except Exception as error:
                raise _SourceFailedError(error) from error
            finally:
                await body.aclose()
        return self._whole

    async def _stream(
        self, method: str, url: str, headers: list[tuple[str, str]], start: int, end: int
    ) -> Exchange:
        """Send the bytes from start to end as they come from the source."""
        bodies: list[UploadBody] = []

        def open_body() -> UploadBody:
            bodies.append(self._new_body(start, end))
            return bodies[-1]

        try:
            return await self._sender.open(
                method, url, self._scopes, headers=headers, body=open_body, kind=SlotKind.UPLOAD
            )
        except Exception as error:
            if bodies and bodies[-1].failure is not None:
                raise _SourceFailedError(bodies[-1].failure) from error
            raise
        finally:
            for body in bodies:
                await body.aclose()

    def _new_body(self, start: int, end: int) -> UploadBody:
        return UploadBody(
            self._descriptor,
            self._open_source,
            self._verifier,
            start=start,
            end=end,
            bandwidth=self._sender.limiter.bandwidth,
        )

    async def _expect(self, exchange: Exchange, statuses: tuple[int, ...]) -> None:
        """Close the exchange. Raises the error it stands for unless the status is one of those."""
        if exchange.status in statuses:
            await exchange.aclose()
            return
        error = await self._sender.error_of(exchange)
        if isinstance(error, NotFound):
            raise UploadLost(error.detail or "the registry forgot the upload", status=404)
        raise error

    async def _finish(self, exchange: Exchange) -> None:
        await self._expect(exchange, (200, 201, 202, 204))
        stored = exchange.headers.get("docker-content-digest", "")
        digest = self._descriptor.digest
        if is_digest(stored) and stored[:6] == digest[:6] and stored != digest:
            raise DigestMismatch(f"the registry stored {stored} instead of {digest}")

    def _delay_before_retry(self, attempt: int, error: RegistryError) -> float | None:
        """Return the seconds to wait, None to give up. A request that is too large is cut up once, at once."""
        if not isinstance(error, TooLarge):
            return self._sender.delay_before_retry(attempt, error)
        chunk_bytes = max(_CHUNK_BYTES, self._upload.min_chunk_bytes)
        if chunk_bytes >= self._chunk_bytes:
            return None
        self._chunk_bytes = chunk_bytes
        return 0.0

    async def _find_offset(self, problem: RegistryError, *, resumed_from: int) -> int:
        """Return from where to go on, after beginning a new session if the old one is not worth it."""
        if isinstance(problem, UploadLost | DigestMismatch):
            self._may_resume = self._may_resume and resumed_from == 0
        elif (
            self._may_resume
            and self._descriptor.size > _RESUME_FROM_BYTES
            and not isinstance(problem, TooLarge)
        ):
            with contextlib.suppress(UploadLost, PermanentError):
                kept = await self._uploads.offset(self._upload)
                if _RESUME_FROM_BYTES <= kept <= self._verifier.position:
                    return kept
        if not (isinstance(problem, UploadLost) and problem.status == 404):
            await self._uploads.cancel(self._upload)
        fresh = await self._uploads.open(self._upload.repository, self._upload.algorithm)
        self._upload.location = fresh.location
        return 0


class _SourceFailedError(Exception):
    """The source of the bytes failed, not the registry they go to."""

    def __init__(self, failure: Exception) -> None:
        self.failure = failure
        super().__init__(str(failure))
