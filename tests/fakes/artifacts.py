"""What test content is made of: media types, layers, descriptors, and the artifact that holds them."""

import gzip
import io
import json
import random
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.fakes.content import digest_of

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
SCHEMA1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
HELM_CONFIG = "application/vnd.cncf.helm.config.v1+json"
HELM_CHART = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
HELM_PROVENANCE = "application/vnd.cncf.helm.chart.provenance.v1.prov"
COSIGN_PAYLOAD = "application/vnd.dev.cosign.simplesigning.v1+json"

EMPTY_CONFIG = b"{}"


@dataclass(frozen=True, slots=True)
class ManifestFile:
    """The bytes of a manifest, its media type, and the digest by which others name it."""

    content: bytes
    media_type: str
    digest: str

    def descriptor(self, **more: Any) -> dict[str, Any]:
        """Return a descriptor of the manifest, with more fields if given."""
        size = len(self.content)
        return {"mediaType": self.media_type, "digest": self.digest, "size": size, **more}


@dataclass(frozen=True, slots=True)
class Artifact:
    """
    Everything that is pushed for one tag.

    `manifests` are in an order in which they can be pushed; the last is the one to tag. `tags`
    are further tags, by which a signature or a list of referrers is found.
    """

    manifests: tuple[ManifestFile, ...]
    blobs: Mapping[str, bytes] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def root(self) -> ManifestFile:
        """Return the manifest that gets the tag."""
        return self.manifests[-1]

    @property
    def digest(self) -> str:
        """Return the digest of the root."""
        return self.root.digest

    @property
    def document(self) -> dict[str, Any]:
        """Return the parsed root."""
        document: dict[str, Any] = json.loads(self.root.content)
        return document

    @property
    def blob_bytes(self) -> int:
        """Return the size of all blobs together."""
        return sum(map(len, self.blobs.values()))


def layer(seed: int | str, size: int = 1024) -> bytes:
    """Return a gzipped tar archive that holds one file of `size` random bytes."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(f"data-{seed}")
        entry.size = size
        tar.addfile(entry, io.BytesIO(random.Random(seed).randbytes(size)))
    return gzip.compress(archive.getvalue(), compresslevel=1, mtime=0)


def descriptor(content: bytes, media_type: str, algorithm: str = "sha256", **more: Any) -> dict[str, Any]:
    """Return the descriptor of these bytes, with more fields if given."""
    return {
        "mediaType": media_type,
        "digest": digest_of(content, algorithm),
        "size": len(content),
        **more,
    }


def manifest(document: Mapping[str, Any], algorithm: str = "sha256") -> ManifestFile:
    """Return the document, which has a `mediaType`, as the bytes of a manifest."""
    content = json.dumps(document, indent=3).encode()
    return ManifestFile(content, document["mediaType"], digest_of(content, algorithm))
