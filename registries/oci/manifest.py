"""
Reads manifests: what they refer to and nothing more, so that unknown kinds of artifacts are copied as they are.

Pure. The bytes are kept and never serialised again.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from registries.oci import media_types
from registries.oci.digest import algorithm_of, digest_of, is_digest
from registries.oci.errors import DigestMismatch, ManifestInvalid, SchemaOneRefused

Kind = Literal["image", "chart"]

# Registries must take 4 MiB; some take more. Beyond this a manifest is an attack on our memory.
MAX_MANIFEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A reference to content: what it is, its digest, and its size in bytes (-1 = not told)."""

    media_type: str
    digest: str
    size: int
    artifact_type: str | None = None
    urls: tuple[str, ...] = ()
    data: bytes | None = field(default=None, repr=False)
    annotations: Mapping[str, str] | None = field(default=None, compare=False)
    platform: Mapping[str, Any] | None = field(default=None, compare=False)

    @property
    def is_foreign(self) -> bool:
        """Tell whether the content is meant to come from elsewhere than the registry."""
        return media_types.is_foreign(self.media_type)


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest or index: its exact bytes, their own digest, and what they refer to."""

    content: bytes = field(repr=False)
    media_type: str
    digest: str
    artifact_type: str | None = None
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    annotations: Mapping[str, str] | None = field(default=None, compare=False, repr=False)
    is_index: bool = False

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Return the config, if there is one, and the layers."""
        return self.layers if self.config is None else (self.config, *self.layers)

    @property
    def kind(self) -> Kind:
        """Return "chart" for a Helm chart and "image" for everything else."""
        declared = self.config.media_type if self.config is not None else ""
        is_helm = declared.startswith(media_types.HELM_PREFIX) or (self.artifact_type or "").startswith(
            media_types.HELM_PREFIX
        )
        return "chart" if is_helm else "image"

    @property
    def descriptor(self) -> Descriptor:
        """Return the descriptor by which an index would refer to this manifest."""
        return Descriptor(self.media_type, self.digest, len(self.content), self.artifact_type)


def parse_manifest(content: bytes, content_type: str, *, expected_digest: str | None = None) -> Manifest:
    """
    Return what the manifest refers to, under the digest of its own bytes.

    `content_type` is the header as it came and may be empty. The digest is sha256 unless another
    algorithm is expected.

    Raises DigestMismatch if the bytes are not the expected ones, SchemaOneRefused for Docker's
    schema 1, and ManifestInvalid if the manifest is malformed, if header and body name different
    types, or if it could be read as an index by one and as an image by another.

    Source: OCI image specification, manifest.md and image-index.md; distribution specification,
    "Pulling manifests"; CVE-2021-41190 for the two contradictions that are refused.
    """
    digest = digest_of(content, algorithm_of(expected_digest) if expected_digest else "sha256")
    if expected_digest is not None and digest != expected_digest:
        raise DigestMismatch(f"the manifest has the digest {digest}, expected {expected_digest}")
    document = _load(content)
    media_type = _decide_media_type(document, media_types.without_parameters(content_type))
    manifests = _descriptors(document, "manifests")
    layers = _descriptors(document, "layers") + _descriptors(document, "blobs")
    config = _descriptor(document["config"]) if document.get("config") is not None else None
    if "manifests" in document and (config is not None or "layers" in document):
        raise ManifestInvalid("the manifest has both children and layers")
    return Manifest(
        content=content,
        media_type=media_type,
        digest=digest,
        artifact_type=_text(document, "artifactType"),
        config=config,
        layers=layers,
        manifests=manifests,
        subject=_descriptor(document["subject"]) if document.get("subject") is not None else None,
        annotations=_annotations(document),
        is_index=media_type in media_types.INDEXES or "manifests" in document,
    )


def parse_referrers(content: bytes) -> tuple[Descriptor, ...]:
    """
    Return the descriptors of one page of the referrers API.

    Raises ManifestInvalid if the body is not an index.
    """
    return _descriptors(_load(content), "manifests")


def _load(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ManifestInvalid(f"the manifest is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise ManifestInvalid("the manifest is not a JSON object")
    return document


def _decide_media_type(document: dict[str, Any], header: str) -> str:
    declared = _text(document, "mediaType")
    if {header, declared} & media_types.SCHEMA_ONE or document.get("schemaVersion") == 1:
        raise SchemaOneRefused("the manifest is of Docker's schema 1")
    # A header that says no more than "some JSON" contradicts nothing.
    if declared is None:
        media_type = header
    elif header == declared or header not in media_types.MANIFESTS:
        media_type = declared
    else:
        raise ManifestInvalid(f"the registry calls the manifest {header}, it calls itself {declared}")
    if media_type in media_types.MANIFESTS:
        return _agreeing(media_type, document)
    if declared is None or not media_types.is_media_type(media_type):
        raise ManifestInvalid(f"not a manifest type: {media_type[:100]!r}")
    return media_type


def _agreeing(media_type: str, document: dict[str, Any]) -> str:
    """Return the type if the fields of the document are those of the type."""
    if media_type in media_types.INDEXES:
        if "layers" in document or "config" in document:
            raise ManifestInvalid("the index has the fields of an image")
    elif "manifests" in document:
        raise ManifestInvalid("the image manifest has the fields of an index")
    return media_type


def _descriptors(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    entries = document.get(name)
    if entries is None:
        return ()
    if not isinstance(entries, list):
        raise ManifestInvalid(f"{name} is not a list")
    return tuple(_descriptor(entry) for entry in entries)


def _descriptor(entry: object) -> Descriptor:
    if not isinstance(entry, dict):
        raise ManifestInvalid("a descriptor is not an object")
    digest, size = entry.get("digest"), entry.get("size")
    if not isinstance(digest, str) or not is_digest(digest):
        raise ManifestInvalid(f"a descriptor has no digest that can be verified: {str(digest)[:100]!r}")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise ManifestInvalid(f"the descriptor of {digest} has no size")
    platform = entry.get("platform")
    urls = entry.get("urls")
    return Descriptor(
        media_type=_text(entry, "mediaType") or media_types.OCTET_STREAM,
        digest=digest,
        size=size,
        artifact_type=_text(entry, "artifactType"),
        urls=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
        data=_inline_data(entry, digest, size),
        annotations=_annotations(entry),
        platform=platform if isinstance(platform, dict) else None,
    )


def _inline_data(entry: dict[str, Any], digest: str, size: int) -> bytes | None:
    """Return the content embedded in the descriptor if it is what the digest says, else None."""
    encoded = entry.get("data")
    if not isinstance(encoded, str):
        return None
    try:
        data = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if len(data) == size and digest_of(data, algorithm_of(digest)) == digest else None


def _annotations(entry: dict[str, Any]) -> Mapping[str, str] | None:
    annotations = entry.get("annotations")
    if not isinstance(annotations, dict):
        return None
    return {key: value for key, value in annotations.items() if isinstance(value, str)}


def _text(entry: dict[str, Any], name: str) -> str | None:
    """Return the field, None if it is absent or empty."""
    value = entry.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ManifestInvalid(f"{name} is not a text")
    return value
