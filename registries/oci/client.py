"""The client of one registry: the whole protocol behind one object."""

from collections.abc import AsyncGenerator, AsyncIterator
from types import TracebackType
from typing import Self

import httpx

from registries.oci.blob_sending import BlobSending
from registries.oci.blobs import Blobs
from registries.oci.direct_body import Chunk
from registries.oci.endpoint import Endpoint
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.listing import Listing
from registries.oci.manifest import Descriptor, Manifest
from registries.oci.manifests import Manifests
from registries.oci.names import Names
from registries.oci.retry import RetryPolicy
from registries.oci.scope import PING
from registries.oci.sending import Sender
from registries.oci.upload_body import OpenSource
from registries.oci.uploads import Upload, Uploads


class RegistryClient:
    """
    Speaks to one endpoint. Belongs to one event loop; use it as an async context manager or call `aclose`.

    Repository names are given and returned without the endpoint's prefix. `limiter` is shared by all
    clients of the endpoint in a worker. Without a `guard` only public addresses may be contacted.
    With `writes` the right to push is asked for from the first request on, so that a target's
    repository needs one token, not two. Every method raises RegistryError.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        *,
        limiter: EndpointLimiter | None = None,
        guard: HostGuard | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        timeouts: Timeouts | None = None,
        retry: RetryPolicy | None = None,
        writes: bool = False,
    ) -> None:
        self.endpoint = endpoint
        self.limiter = limiter or EndpointLimiter()
        names = Names(endpoint, writes=writes)
        self._sender = Sender(
            endpoint,
            limiter=self.limiter,
            guard=guard or HostGuard(),
            transport=transport,
            timeouts=timeouts or Timeouts(),
            retry=retry or RetryPolicy(),
        )
        self._listing = Listing(self._sender, names)
        self._manifests = Manifests(self._sender, names)
        self._blobs = Blobs(self._sender, names)
        self._uploads = Uploads(self._sender, names)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection. Safe to repeat."""
        await self._sender.aclose()

    async def ping(self) -> None:
        """Return if the registry answers and takes the credentials."""
        await self._sender.fetch("GET", "/v2/", PING)

    def list_repositories(self) -> AsyncIterator[list[str]]:
        """
        Yield pages of the catalog: names under the prefix, with the prefix taken off.

        Raises NotFound or Unsupported if there is no catalog, Forbidden or Unauthorized if it may
        not be read: never an empty list instead.
        """
        return self._listing.repositories()

    def list_tags(self, repository: str) -> AsyncIterator[list[str]]:
        """Yield pages of tags, in no order that can be relied on. An unknown repository has none."""
        return self._listing.tags(repository)

    async def list_referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """Return what refers to the digest. None: the registry has no such API, look at the fallback tag."""
        return await self._listing.referrers(repository, digest)

    async def find_manifest(self, repository: str, reference: str) -> Descriptor | None:
        """Return what the tag or digest names (`size` -1 if the registry does not tell), None if it is absent."""
        return await self._manifests.find(repository, reference)

    async def get_manifest(self, repository: str, reference: str) -> Manifest:
        """Return the manifest; its digest is that of its bytes. Raises NotFound if it is absent."""
        return await self._manifests.get(repository, reference)

    async def put_manifest(self, repository: str, reference: str, manifest: Manifest) -> bool:
        """Store the manifest's bytes. True: the registry has indexed its subject, no fallback tag is needed."""
        return await self._manifests.put(repository, reference, manifest)

    async def delete_manifest(self, repository: str, reference: str) -> bool:
        """
        Delete a tag, or a digest with all its tags. False: it was absent.

        Raises Unsupported if the registry does not delete, or not by tag.
        """
        return await self._manifests.delete(repository, reference)

    async def has_blob(self, repository: str, digest: str) -> bool:
        """Tell whether the repository holds the blob."""
        return await self._blobs.has(repository, digest)

    def stream_blob(
        self, repository: str, descriptor: Descriptor, *, offset: int = 0
    ) -> AsyncGenerator[bytes, None]:
        """Yield the blob from the offset on, resuming cut connections and verified; see `Blobs.stream`."""
        return self._blobs.stream(repository, descriptor, offset=offset)

    def lend_blob(
        self, repository: str, descriptor: Descriptor, *, offset: int = 0
    ) -> AsyncGenerator[Chunk, None]:
        """
        Yield the same, unverified, in pieces that are only valid until the next one; see `Blobs.lend`.

        Meant for the `open_source` of `upload_blob`, which hashes by itself.
        """
        return self._blobs.lend(repository, descriptor, offset=offset)

    async def start_upload(
        self,
        repository: str,
        *,
        mount: str | None = None,
        from_repository: str | None = None,
        algorithm: str = "sha256",
    ) -> Upload | None:
        """Return an upload session, or None if the blob `mount` was mounted instead."""
        return await self._uploads.start(
            repository, mount=mount, from_repository=from_repository, algorithm=algorithm
        )

    async def upload_blob(self, upload: Upload, descriptor: Descriptor, open_source: OpenSource) -> None:
        """
        Send the blob and return once the registry holds it.

        `open_source(offset)` yields the blob from the offset; it is called with 0, and again when a
        cut upload is resumed. Size and digest are verified before the last bytes leave. What the
        source raises is passed on, a RegistryError with `side` "source", after the session was cancelled.
        """
        await BlobSending(self._sender, self._uploads, upload, descriptor, open_source).run()

    async def upload_offset(self, upload: Upload) -> int:
        """Return how many bytes the registry has kept. Raises UploadLost if it forgot the session."""
        return await self._uploads.offset(upload)

    async def cancel_upload(self, upload: Upload) -> None:
        """Tell the registry to forget the session. A refusal is ignored."""
        await self._uploads.cancel(upload)
