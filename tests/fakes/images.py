"""
Builders of test content: images, indexes, charts, signatures, and the odd shapes that are allowed.

All of it is a pure function of the arguments. `push` puts it into registries.
"""

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from tests.fakes.artifacts import (
    COSIGN_PAYLOAD,
    DOCKER_CONFIG,
    DOCKER_FOREIGN_LAYER,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    EMPTY_CONFIG,
    HELM_CHART,
    HELM_CONFIG,
    HELM_PROVENANCE,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_FOREIGN_LAYER,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    SCHEMA1_SIGNED,
    Artifact,
    ManifestFile,
    descriptor,
    layer,
    manifest,
)
from tests.fakes.content import digest_of
from tests.fakes.pushing import push

__all__ = [
    "Artifact",
    "ManifestFile",
    "artifact",
    "descriptor",
    "fallback_tag",
    "foreign_layer_content",
    "foreign_layers",
    "helm_chart",
    "image",
    "index",
    "layer",
    "list_without_platforms",
    "manifest",
    "multi_platform",
    "nested_index",
    "no_layers",
    "push",
    "referrers_fallback",
    "schema1",
    "signature",
    "sparse_index",
    "unknown_fields",
    "zero_byte_blob",
]


def image(
    seed: int | str = "image",
    *,
    layers: int | Sequence[bytes] = 2,
    layer_size: int = 1024,
    docker: bool = False,
    algorithm: str = "sha256",
    architecture: str = "amd64",
    extra_layers: Sequence[Mapping[str, Any]] = (),
    inline_config: bool = False,
    **fields: Any,
) -> Artifact:
    """
    Return an image, OCI or Docker schema 2.

    `layers` is their number or their bytes, so that images can share some; `extra_layers` are
    descriptors without a blob; further keyword arguments become fields of the manifest.
    """
    contents = _layers(seed, layers, layer_size)
    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Labels": {"seed": str(seed)}},
            "rootfs": {
                "type": "layers",
                "diff_ids": [digest_of(gzip.decompress(content)) for content in contents],
            },
        }
    ).encode()
    layer_type = DOCKER_LAYER if docker else OCI_LAYER
    inline = {"data": base64.b64encode(config).decode()} if inline_config else {}
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": descriptor(config, DOCKER_CONFIG if docker else OCI_CONFIG, algorithm, **inline),
        "layers": [*(descriptor(content, layer_type, algorithm) for content in contents), *extra_layers],
        **fields,
    }
    blobs = {digest_of(content, algorithm): content for content in [config, *contents]}
    return Artifact((manifest(document, algorithm),), blobs)


def _layers(seed: int | str, layers: int | Sequence[bytes], size: int) -> list[bytes]:
    if isinstance(layers, int):
        return [layer(f"{seed}-{number}", size) for number in range(layers)]
    return list(layers)


def index(
    children: Iterable[Artifact],
    *,
    docker: bool = False,
    has_platforms: bool = True,
    missing: Sequence[Mapping[str, Any]] = (),
    algorithm: str = "sha256",
    **fields: Any,
) -> Artifact:
    """
    Return an index of the children, or a Docker manifest list.

    `missing` are descriptors of children that are nowhere, which makes the index sparse. Further
    keyword arguments become fields of the index.
    """
    members = list(children)
    entries = []
    for number, child in enumerate(members):
        platform = {"architecture": ("amd64", "arm64", "s390x", "ppc64le")[number % 4], "os": "linux"}
        entries.append(child.root.descriptor(**({"platform": platform} if has_platforms else {})))
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_LIST if docker else OCI_INDEX,
        "manifests": [*entries, *missing],
        **fields,
    }
    below = tuple(file for child in members for file in child.manifests)
    blobs = {digest: content for child in members for digest, content in child.blobs.items()}
    return Artifact((*below, manifest(document, algorithm)), blobs)


def multi_platform(seed: int | str = "multi", *, platforms: int = 2, docker: bool = False) -> Artifact:
    """Return an index of images that share their first layer."""
    base = layer(f"{seed}-base")
    images = [
        image(f"{seed}-{number}", layers=[base, layer(f"{seed}-{number}")], docker=docker)
        for number in range(platforms)
    ]
    return index(images, docker=docker)


def nested_index(seed: int | str = "nested") -> Artifact:
    """Return an index of an index and an image."""
    return index([multi_platform(f"{seed}-inner"), image(f"{seed}-plain")])


def list_without_platforms(seed: int | str = "bare-list") -> Artifact:
    """Return a Docker manifest list whose entries say no platform."""
    return index([image(f"{seed}-{n}", docker=True) for n in range(2)], docker=True, has_platforms=False)


def sparse_index(seed: int | str = "sparse") -> Artifact:
    """Return an index of one image that is there and one that is not."""
    absent = image(f"{seed}-absent", architecture="arm64").root
    platform = {"architecture": "arm64", "os": "linux"}
    return index([image(f"{seed}-present")], missing=[absent.descriptor(platform=platform)])


def artifact(
    seed: int | str = "artifact",
    *,
    artifact_type: str = "application/vnd.example.report.v1",
    subject: Artifact | ManifestFile | None = None,
    contents: Sequence[bytes] = (b"report",),
    content_type: str = "text/plain",
    annotations: Mapping[str, str] | None = None,
) -> Artifact:
    """Return an artifact with the empty config. It may refer to a subject, which is not part of it."""
    root = subject.root if isinstance(subject, Artifact) else subject
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": artifact_type,
        "config": descriptor(EMPTY_CONFIG, OCI_EMPTY, data=base64.b64encode(EMPTY_CONFIG).decode()),
        "layers": [descriptor(content, content_type) for content in contents],
        "annotations": {"org.example.seed": str(seed), **(annotations or {})},
    }
    if root is not None:
        document["subject"] = root.descriptor()
    blobs = {digest_of(content): content for content in [EMPTY_CONFIG, *contents]}
    return Artifact((manifest(document),), blobs)


def no_layers(seed: int | str = "no-layers") -> Artifact:
    """Return an image without layers."""
    return image(seed, layers=0)


def zero_byte_blob(seed: int | str = "zero") -> Artifact:
    """Return an artifact whose only layer has no bytes."""
    return artifact(seed, contents=(b"",))


def unknown_fields(seed: int | str = "unknown") -> Artifact:
    """Return an image with fields that no specification knows, in manifest and descriptor."""
    extra = {**descriptor(EMPTY_CONFIG, OCI_EMPTY), "org.example.later": {"kept": True}}
    fields: dict[str, Any] = {"org.example.unknown": [1, None, "ü"]}
    made = image(seed, extra_layers=[extra], **fields)
    return replace(made, blobs={**made.blobs, digest_of(EMPTY_CONFIG): EMPTY_CONFIG})


def foreign_layers(
    seed: int | str = "foreign", *, urls: Sequence[str] = ("http://127.0.0.1:1/layer",), docker: bool = True
) -> Artifact:
    """Return an image with one layer that is to be fetched from the urls, and is not among the blobs."""
    media_type = DOCKER_FOREIGN_LAYER if docker else OCI_FOREIGN_LAYER
    foreign = descriptor(foreign_layer_content(seed), media_type, urls=list(urls))
    return image(seed, docker=docker, extra_layers=[foreign])


def foreign_layer_content(seed: int | str = "foreign") -> bytes:
    """Return the bytes of the foreign layer of `foreign_layers`."""
    return layer(f"{seed}-elsewhere")


def schema1(name: str = "team/old", tag: str = "v1") -> Artifact:
    """Return an image of the kind that came before schema 2, with a made-up signature."""
    content = layer(f"{name}:{tag}")
    document = {
        "schemaVersion": 1,
        "name": name,
        "tag": tag,
        "architecture": "amd64",
        "fsLayers": [{"blobSum": digest_of(content)}],
        "history": [{"v1Compatibility": '{"id":"1"}'}],
        "signatures": [{"header": {"alg": "ES256"}, "signature": "AA", "protected": "AA"}],
    }
    encoded = json.dumps(document).encode()
    file = ManifestFile(encoded, SCHEMA1_SIGNED, digest_of(encoded))
    return Artifact((file,), {digest_of(content): content})


def helm_chart(
    name: str = "demo", version: str = "1.2.3", *, has_provenance: bool = True, legacy: bool = False
) -> Artifact:
    """Return a chart as `helm push` makes it; legacy ones use the media type of Helm before 3.7."""
    meta = {"apiVersion": "v2", "name": name, "version": version}
    config = json.dumps(meta).encode()
    package = layer(f"chart-{name}-{version}")
    layers = [descriptor(package, "application/tar+gzip" if legacy else HELM_CHART)]
    blobs = {digest_of(config): config, digest_of(package): package}
    if has_provenance:
        provenance = f"name: {name}\nversion: {version}\n-----BEGIN PGP SIGNATURE-----\n".encode()
        layers.append(descriptor(provenance, HELM_PROVENANCE))
        blobs[digest_of(provenance)] = provenance
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(config, HELM_CONFIG),
        "layers": layers,
        "annotations": {
            "org.opencontainers.image.title": name,
            "org.opencontainers.image.version": version,
        },
    }
    return Artifact((manifest(document),), blobs)


def signature(subject: Artifact) -> Artifact:
    """Return a signature of the subject as cosign 2 stores it: an image with a `.sig` tag."""
    payload = json.dumps({"critical": {"image": {"docker-manifest-digest": subject.digest}}}).encode()
    annotations = {"dev.cosignproject.cosign/signature": "MEUCIQ=="}
    made = image(
        f"sig-{subject.digest}",
        layers=0,
        extra_layers=[descriptor(payload, COSIGN_PAYLOAD, annotations=annotations)],
    )
    return replace(
        made,
        blobs={**made.blobs, digest_of(payload): payload},
        tags={f"{fallback_tag(subject.digest)}.sig": made.digest},
    )


def fallback_tag(digest: str) -> str:
    """
    Return the tag under which referrers are listed where there is no API.

    Source: distribution spec, Referrers Tag Schema.
    """
    algorithm, _, encoded = digest.partition(":")
    return f"{algorithm[:32]}-{encoded[:64]}"


def referrers_fallback(subject: Artifact, referrers: Iterable[Artifact]) -> Artifact:
    """Return the referrers with the index that lists them under the fallback tag of the subject."""
    members = list(referrers)
    entries = [member.root.descriptor(artifactType=member.document["artifactType"]) for member in members]
    made = index([], missing=entries)
    return Artifact(
        (*(file for member in members for file in member.manifests), made.root),
        {digest: content for member in members for digest, content in member.blobs.items()},
        {fallback_tag(subject.digest): made.digest},
    )
