"""
A registry in memory behind a real HTTP server: scriptable, faulty on request, with a log of requests.

It keeps to the distribution spec; where registries differ, `options.py` says how this one behaves.
"""

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any, Self

from tests.fakes import blobs, lists, manifests, uploads
from tests.fakes.answers import Answer, text_answer
from tests.fakes.auth import Auth, NoAuth
from tests.fakes.content import Content, InMemory, Synthetic, digest_of, synthetic_digest
from tests.fakes.options import Options, distribution_options
from tests.fakes.routing import Route, find_route
from tests.fakes.server import Call, FaultyServer
from tests.fakes.state import State
from tests.fakes.store import StoredManifest

Operation = Callable[[State, Route, Call], Awaitable[Answer]]

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("ping", "GET"): lists.ping,
    ("ping", "HEAD"): lists.ping,
    ("catalog", "GET"): lists.list_repositories,
    ("tags", "GET"): lists.list_tags,
    ("referrers", "GET"): lists.list_referrers,
    ("manifest", "GET"): manifests.read,
    ("manifest", "HEAD"): manifests.read,
    ("manifest", "PUT"): manifests.write,
    ("manifest", "DELETE"): manifests.delete,
    ("blob", "GET"): blobs.read,
    ("blob", "HEAD"): blobs.read,
    ("blob", "DELETE"): blobs.delete,
    ("upload", "POST"): uploads.start,
    ("upload", "GET"): uploads.status,
    ("upload", "HEAD"): uploads.status,
    ("upload", "PATCH"): uploads.append,
    ("upload", "PUT"): uploads.finish,
    ("upload", "DELETE"): uploads.cancel,
}


class FakeRegistry(FaultyServer):
    """
    A registry for one test; use it as a context manager.

    `FakeRegistry(page_size=2, referrers=False, auth=BasicAuth("user", "password"))`: keyword
    arguments other than those named here are fields of `Options`, which may also be changed
    later through `registry.options`.
    """

    def __init__(
        self,
        *,
        options: Options | None = None,
        auth: Auth | None = None,
        is_logging: bool = True,
        **changes: Any,
    ) -> None:
        super().__init__(self._dispatch, is_logging=is_logging)
        self.options = dataclasses.replace(options or Options(), **changes)
        self.auth: Auth = auth or NoAuth()
        self._state = State(self.options)

    @classmethod
    def like_distribution(cls, *, auth: Auth | None = None, **changes: Any) -> Self:
        """Return a registry with the quirks of distribution 2.8.2 (Debian's docker-registry)."""
        return cls(options=distribution_options(), auth=auth, **changes)

    def start(self) -> None:
        """Listen, and start what the auth needs."""
        self.auth.start()
        super().start()

    def stop(self) -> None:
        """Stop listening. Content and log stay; a later start takes the same port."""
        super().stop()
        self.auth.stop()

    def put_blob(self, repository: str, data: bytes, algorithm: str = "sha256") -> str:
        """Put a blob there directly and return its digest."""
        return self.put_content(repository, InMemory(data), digest_of(data, algorithm))

    def put_synthetic_blob(self, repository: str, size: int, seed: int) -> str:
        """Put a blob there whose bytes are generated when they are read, and return its digest."""
        content = Synthetic(size, seed)
        return self.put_content(repository, content, synthetic_digest(content))

    def put_content(self, repository: str, content: Content, digest: str) -> str:
        """Put any content there under the digest, which is not checked: it may be made to lie."""
        self._state.store.open(repository).blobs[digest] = content
        return digest

    def put_manifest(
        self, repository: str, tag: str | None, content: bytes, media_type: str, algorithm: str = "sha256"
    ) -> str:
        """Put a manifest there directly, complete or not, and return its digest."""
        manifest = StoredManifest(content, media_type, digest_of(content, algorithm))
        stored = self._state.store.open(repository)
        stored.manifests[manifest.digest] = manifest
        if tag is not None:
            stored.set_tag(tag, manifest.digest)
        return manifest.digest

    def put_tag(self, repository: str, tag: str, digest: str) -> None:
        """Make the tag name this digest."""
        self._state.store.open(repository).set_tag(tag, digest)

    def delete_tag(self, repository: str, tag: str) -> None:
        """Remove the tag. Raises KeyError if it is not there."""
        del self._state.store.repositories[repository].tags[tag]

    def repositories(self) -> list[str]:
        """Return the names of all repositories, sorted."""
        return sorted(self._state.store.repositories)

    def tags(self, repository: str) -> dict[str, str]:
        """Return the digests by tag; empty for an unknown repository."""
        found = self._state.store.find(repository)
        return dict(found.tags) if found else {}

    def manifest(self, repository: str, reference: str) -> StoredManifest:
        """Return the manifest with this tag or digest. Raises KeyError if it is not there."""
        manifest = self._state.store.repositories[repository].find_manifest(reference)
        if manifest is None:
            raise KeyError(reference)
        return manifest

    def manifests(self, repository: str) -> set[str]:
        """Return the digests of all manifests; empty for an unknown repository."""
        found = self._state.store.find(repository)
        return set(found.manifests) if found else set()

    def blob(self, repository: str, digest: str) -> bytes:
        """
        Return the bytes of the blob.

        Raises KeyError if it is not there, and LookupError if its bytes were discarded.
        """
        content = self._state.store.repositories[repository].blobs[digest]
        return b"".join(content.read(0, content.size))

    def blobs(self, repository: str) -> dict[str, int]:
        """Return the sizes of all blobs by digest; empty for an unknown repository."""
        found = self._state.store.find(repository)
        return {digest: blob.size for digest, blob in list(found.blobs.items())} if found else {}

    def delete_blob(self, repository: str, digest: str) -> None:
        """Remove the blob, whatever needs it. Raises KeyError if it is not there."""
        del self._state.store.repositories[repository].blobs[digest]

    def delete_manifest(self, repository: str, digest: str) -> None:
        """Remove the manifest and its tags."""
        self._state.store.repositories[repository].remove_manifest(digest)

    def open_uploads(self) -> int:
        """Return how many upload sessions were neither finished nor cancelled."""
        return len(self._state.store.uploads)

    def lose_uploads(self) -> None:
        """Forget all upload sessions, as a restarted registry does."""
        self._state.store.uploads.clear()

    def store_blobs_at(self, url: str | None) -> None:
        """Redirect readers of blobs to this address, see `ObjectStorage`; None serves them here."""
        self._state.blob_storage_url = url

    def find_content(self, repository: str, digest: str) -> Content | None:
        """Return the blob as something to read from, None if it is not there."""
        found = self._state.store.find(repository)
        return found.blobs.get(digest) if found else None

    async def _dispatch(self, call: Call) -> Answer:
        if self.options.latency_seconds:
            await asyncio.sleep(self.options.latency_seconds)
        route = find_route(call.path)
        if route is None:
            return text_answer(404, "page not found")
        source = call.query.get("from") if call.method == "POST" else None
        self.auth.check(call.headers.get("Authorization"), route.needed_access(call.method, source))
        operation = OPERATIONS.get((route.operation, call.method))
        if operation is None:
            return text_answer(405, "method not allowed")
        return await operation(self._state, route, call)
