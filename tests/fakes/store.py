"""What a fake registry holds: blobs, manifests and tags by repository, and uploads under way. No HTTP."""

import hashlib
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.content import Content, Discarded, InMemory, digest_of


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it was pushed."""

    content: bytes
    media_type: str
    digest: str

    @property
    def document(self) -> dict[str, Any]:
        """Return the parsed content, empty if it is no JSON object."""
        try:
            document = json.loads(self.content)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}

    def needed_blobs(self) -> list[str]:
        """Return the digests of config and layers, without layers that may be fetched elsewhere."""
        document = self.document
        descriptors = [document["config"]] if document.get("config") else []
        descriptors += [layer for layer in document.get("layers") or () if not layer.get("urls")]
        return [descriptor["digest"] for descriptor in descriptors]

    def needed_manifests(self) -> list[str]:
        """Return the digests of the children of an index."""
        return [child["digest"] for child in self.document.get("manifests") or ()]

    def referrer_descriptor(self) -> dict[str, Any]:
        """Return the descriptor under which the referrers API lists this manifest."""
        document = self.document
        descriptor = {"mediaType": self.media_type, "digest": self.digest, "size": len(self.content)}
        artifact_type = document.get("artifactType") or document.get("config", {}).get("mediaType")
        if artifact_type:
            descriptor["artifactType"] = artifact_type
        if document.get("annotations"):
            descriptor["annotations"] = document["annotations"]
        return descriptor


@dataclass(slots=True)
class Repository:
    """Blobs and manifests by digest, and tags that name manifests."""

    blobs: dict[str, Content] = field(default_factory=dict)
    manifests: dict[str, StoredManifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    canonical_digests: dict[str, str] = field(default_factory=dict)
    """By digest, the sha256 of blobs that were pushed with another algorithm to a registry that wants one."""
    was_tagged: bool = False
    """Registries do not know a repository before its first tag, and know it for good afterwards."""

    def find_manifest(self, reference: str) -> StoredManifest | None:
        """Return the manifest with this tag or digest."""
        return self.manifests.get(self.tags.get(reference, reference))

    def set_tag(self, tag: str, digest: str) -> None:
        """Make the tag name the digest."""
        self.tags[tag] = digest
        self.was_tagged = True

    def missing(self, manifest: StoredManifest) -> list[str]:
        """Return the digests that the manifest needs and the repository does not hold."""
        blobs = [digest for digest in manifest.needed_blobs() if digest not in self.blobs]
        return blobs + [digest for digest in manifest.needed_manifests() if digest not in self.manifests]

    def remove_manifest(self, digest: str) -> None:
        """Remove the manifest and all its tags."""
        self.manifests.pop(digest, None)
        for tag in [tag for tag, tagged in self.tags.items() if tagged == digest]:
            del self.tags[tag]

    def referrers(self, digest: str) -> list[dict[str, Any]]:
        """Return descriptors of the manifests whose subject is this digest."""
        return [
            manifest.referrer_descriptor()
            for manifest in list(self.manifests.values())
            if (manifest.document.get("subject") or {}).get("digest") == digest
        ]


class Upload:
    """An upload session: what arrived so far, and its digest."""

    def __init__(self, repository: str, algorithm: str, *, keeps_bytes: bool) -> None:
        self.id = uuid.uuid4().hex
        self.repository = repository
        self.received = 0
        self._hasher = hashlib.new(algorithm)
        self._buffer: bytearray | None = bytearray() if keeps_bytes else None

    def append(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self.received += len(chunk)
        self._hasher.update(chunk)
        if self._buffer is not None:
            self._buffer += chunk

    def digest(self, algorithm: str) -> str | None:
        """Return the digest of the bytes so far; None if they are gone and were hashed otherwise."""
        if algorithm == self._hasher.name:
            return f"{algorithm}:{self._hasher.hexdigest()}"
        return None if self._buffer is None else digest_of(self._buffer, algorithm)

    def content(self) -> Content:
        """Return what arrived."""
        return Discarded(self.received) if self._buffer is None else InMemory(bytes(self._buffer))


class Store:
    """Everything that a fake registry knows."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.uploads: dict[str, Upload] = {}

    def find(self, name: str) -> Repository | None:
        """Return the repository if anything was ever pushed to it."""
        return self.repositories.get(name)

    def open(self, name: str) -> Repository:
        """Return the repository, made if need be."""
        return self.repositories.setdefault(name, Repository())
