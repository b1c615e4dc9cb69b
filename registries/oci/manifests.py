"""Manifests of one registry: find, get, put, delete."""

from registries.oci import scope
from registries.oci.digest import algorithm_of, digest_of, is_digest
from registries.oci.errors import (
    BlobUnknown,
    DigestMismatch,
    NotFound,
    RegistryError,
    Unsupported,
)
from registries.oci.exchange import Reply
from registries.oci.manifest import MAX_MANIFEST_BYTES, Descriptor, Manifest, parse_manifest
from registries.oci.media_types import ACCEPT_MANIFESTS, without_parameters
from registries.oci.names import Names
from registries.oci.sending import Sender

_ACCEPT_HEADERS = (("Accept", ACCEPT_MANIFESTS),)
_FOUND_OR_NOT = frozenset({200, 404})
# Registries that cannot HEAD manifests answer one of these where GET works.
_HEAD_ANSWERS = frozenset({200, 404, 400, 405, 501})
_CREATED = frozenset({200, 201, 202})
_CREATED_OR_REFUSED = _CREATED | {400}
_DELETE_ANSWERS = frozenset({200, 202, 204, 400, 404})


class Manifests:
    """The manifests of a registry. Every method takes repository names without the endpoint's prefix."""

    def __init__(self, sender: Sender, names: Names) -> None:
        self._sender = sender
        self._names = names

    async def find(self, repository: str, reference: str) -> Descriptor | None:
        """Return what the reference names, None if it is absent."""
        url, scopes = self._locate(repository, reference)
        reply = await self._sender.fetch("HEAD", url, scopes, headers=_ACCEPT_HEADERS, accept=_HEAD_ANSWERS)
        if reply.status == 404:
            return None
        digest = reply.headers.get("docker-content-digest", "")
        if is_digest(reference):
            digest = reference
        if reply.status != 200 or not is_digest(digest):
            reply = await self._sender.fetch(
                "GET", url, scopes, headers=_ACCEPT_HEADERS, accept=_FOUND_OR_NOT
            )
            return None if reply.status == 404 else _parse(reply, reference).descriptor
        return Descriptor(
            media_type=without_parameters(reply.headers.get("content-type", "")),
            digest=digest,
            size=_length(reply),
        )

    async def get(self, repository: str, reference: str) -> Manifest:
        """Return the manifest. Raises NotFound if it is absent, and what `parse_manifest` raises."""
        url, scopes = self._locate(repository, reference)
        reply = await self._sender.fetch(
            "GET", url, scopes, headers=_ACCEPT_HEADERS, limit=MAX_MANIFEST_BYTES
        )
        return _parse(reply, reference)

    async def put(self, repository: str, reference: str, manifest: Manifest) -> bool:
        """
        Store the manifest's own bytes under the reference, and tell whether the registry indexed its subject.

        Raises BlobUnknown if something that it refers to is missing, Unsupported if the registry knows no
        digests of the reference's algorithm, and DigestMismatch if it claims to have stored something else.
        """
        url, _ = self._locate(repository, reference)
        headers = (("Content-Type", manifest.media_type), ("Content-Length", str(len(manifest.content))))
        is_usual = not is_digest(reference) or algorithm_of(reference) == "sha256"
        try:
            reply = await self._sender.fetch(
                "PUT",
                url,
                scope.push(self._names.full(repository)),
                headers=headers,
                content=manifest.content,
                accept=_CREATED if is_usual else _CREATED_OR_REFUSED,
            )
        except RegistryError as error:
            raise _put_error(error) from error
        if reply.status == 400:
            raise _refused_digest(self._sender.error_of_reply(reply))
        stored = reply.headers.get("docker-content-digest")
        if stored and stored != _digest_like(stored, manifest):
            raise DigestMismatch(f"the registry stored {stored[:150]} instead of {manifest.digest}")
        return "oci-subject" in reply.headers

    async def delete(self, repository: str, reference: str) -> bool:
        """
        Delete the tag, or the manifest with all its tags, and tell whether there was one.

        Raises Unsupported if the registry does not delete, or not by tag.
        """
        url, _ = self._locate(repository, reference)
        scopes = scope.delete(self._names.full(repository))
        reply = await self._sender.fetch("DELETE", url, scopes, accept=_DELETE_ANSWERS)
        if reply.status == 400:
            # Distribution answers so to a tag, since only digests can be deleted there.
            raise Unsupported(self._sender.error_of_reply(reply).detail, status=400)
        return reply.status != 404

    def _locate(self, repository: str, reference: str) -> tuple[str, scope.Scopes]:
        return self._names.manifest_path(repository, reference), self._names.read_scopes(repository)


def _parse(reply: Reply, reference: str) -> Manifest:
    expected = reference if is_digest(reference) else None
    return parse_manifest(reply.content, reply.headers.get("content-type", ""), expected_digest=expected)


def _length(reply: Reply) -> int:
    length = reply.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else -1


def _digest_like(stored: str, manifest: Manifest) -> str:
    """Return the manifest's digest in the algorithm that the registry chose to report."""
    if not is_digest(stored) or stored[:6] == manifest.digest[:6]:
        return manifest.digest
    return digest_of(manifest.content, algorithm_of(stored))


def _refused_digest(error: RegistryError) -> RegistryError:
    """Return what a 400 to a digest other than sha256 means: there a wrong digest is an unknown algorithm."""
    return Unsupported(error.detail, status=400) if isinstance(error, DigestMismatch) else error


def _put_error(error: RegistryError) -> RegistryError:
    """Return the error as what it means for a manifest: a 404 may speak of what the manifest refers to."""
    if isinstance(error, NotFound) and ("BLOB_UNKNOWN" in error.detail or "MANIFEST_UNKNOWN" in error.detail):
        return BlobUnknown(error.detail, status=error.status)
    return error
