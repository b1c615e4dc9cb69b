"""What a manifest needs beside it, and the names under which others attach to it. Pure."""

import re
from collections.abc import Iterable

from registries.oci.manifest import Descriptor, Manifest

# Content that is the same everywhere: moving it costs no GET.
_WELL_KNOWN_CONTENT = {
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a": b"{}",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855": b"",
}
_COSIGN_SUFFIXES = (".sig", ".att", ".sbom")
_COMPANION = re.compile(r"sha(256|512)-[0-9a-f]{64,128}(\.sig|\.att|\.sbom)?")
_BUILD_ATTESTATION = ("vnd.docker.reference.type", "attestation-manifest")


def blobs_to_copy(manifest: Manifest, *, foreign_layers: bool) -> list[Descriptor]:
    """
    List the blobs that belong into the target repository, each once, the largest first.

    A foreign layer that names where it lives stays there unless it was asked for; one that names no
    place can only be in the registry.
    """
    wanted = {
        blob.digest: blob for blob in manifest.blobs if foreign_layers or not (blob.is_foreign and blob.urls)
    }
    return sorted(wanted.values(), key=lambda blob: -blob.size)


def identifying_blob(manifest: Manifest) -> Descriptor | None:
    """Return the blob whose presence best tells that a repository has seen this manifest, if there is one."""
    for blob in manifest.blobs:
        if blob.digest not in _WELL_KNOWN_CONTENT and not (blob.is_foreign and blob.urls):
            return blob
    return None


def content_of(descriptor: Descriptor) -> bytes | None:
    """Return the content if it needs no request: embedded in the descriptor, or the same everywhere."""
    if descriptor.data is not None:
        return descriptor.data
    return _WELL_KNOWN_CONTENT.get(descriptor.digest)


def attachable(manifests: Iterable[Descriptor]) -> list[str]:
    """List the digests that something may be attached to; the attestations of a builder are ends."""
    key, attestation = _BUILD_ATTESTATION
    return [child.digest for child in manifests if (child.annotations or {}).get(key) != attestation]


def cosign_tags(digest: str) -> list[str]:
    """
    Name the tags under which cosign keeps what it attached to a digest.

    Source: cosign, specs/SIGNATURE_SPEC.md, "Tag-based discovery".
    """
    stem = digest.replace(":", "-", 1)
    return [stem + suffix for suffix in _COSIGN_SUFFIXES]


def is_companion(tag: str) -> bool:
    """Tell whether the tag is made by a tool to attach something to a digest, not by a person."""
    return _COMPANION.fullmatch(tag) is not None
