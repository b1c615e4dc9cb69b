"""The images that workloads copy: a pure function of their shape, so that every run copies the same bytes."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.fakes.artifacts import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST
from tests.fakes.content import digest_of

NAMESPACE = "bench"

KIB = 1024
MB = 1_000_000

_CHUNK_BYTES = 1024 * 1024
# Without it, skopeo would take layers for uncompressed and compress them on the way.
_GZIP_MAGIC = b"\x1f\x8b\x08"


@dataclass(frozen=True, slots=True)
class Shape:
    """
    Repositories × tags, and the sizes of an image's layers in bytes.

    The shared layers are the same in every image. A layer given as a pair has a size between the two,
    small ones being as likely as large ones. Every image also has a small config.
    """

    repositories: int
    tags: int
    layers: tuple[int | tuple[int, int], ...]
    shared_layers: tuple[int, ...] = ()

    @property
    def tag_count(self) -> int:
        """Return how many tags there are in all."""
        return self.repositories * self.tags


@dataclass(frozen=True, slots=True)
class Layer:
    """A blob of random bytes that begins like gzip; two seeds make two blobs."""

    size: int
    seed: int

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes, at most a megabyte at a time."""
        head = (_GZIP_MAGIC + self.seed.to_bytes(8, "big", signed=True))[: self.size]
        block = _random_block()
        yield head + block[: min(self.size, _CHUNK_BYTES) - len(head)]
        for start in range(_CHUNK_BYTES, self.size, _CHUNK_BYTES):
            yield block[: min(self.size - start, _CHUNK_BYTES)]

    @property
    def digest(self) -> str:
        """Return the digest of the bytes."""
        return _layer_digest(self)


@dataclass(frozen=True, slots=True)
class Image:
    """One tag: its layers, its config and its manifest."""

    repository: str
    tag: str
    layers: tuple[Layer, ...]
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        """Return the digest of the manifest."""
        return digest_of(self.manifest)


def repository_names(shape: Shape) -> list[str]:
    """Return the names of the repositories."""
    return [f"{NAMESPACE}/app{number:04d}" for number in range(shape.repositories)]


def tag_names(shape: Shape) -> list[str]:
    """Return the tags that each repository has."""
    return [f"v{number}" for number in range(shape.tags)]


def images(shape: Shape) -> Iterator[Image]:
    """Yield the images of all repositories."""
    seed = 0
    sizes = random.Random(1)
    shared = [Layer(size, -1 - number) for number, size in enumerate(shape.shared_layers)]
    for repository in repository_names(shape):
        for tag in tag_names(shape):
            layers = list(shared)
            for size in shape.layers:
                seed += 1
                layers.append(Layer(_pick(size, sizes), seed))
            yield _image(repository, tag, layers)


def _pick(size: int | tuple[int, int], sizes: random.Random) -> int:
    if isinstance(size, int):
        return size
    low, high = size
    return round(math.exp(sizes.uniform(math.log(low), math.log(high))))


def _image(repository: str, tag: str, layers: list[Layer]) -> Image:
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "config": {"Labels": {"image": f"{repository}:{tag}"}}}
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": {"mediaType": OCI_CONFIG, "digest": digest_of(config), "size": len(config)},
        "layers": [{"mediaType": OCI_LAYER, "digest": layer.digest, "size": layer.size} for layer in layers],
    }
    return Image(repository, tag, tuple(layers), config, json.dumps(manifest).encode())


@functools.lru_cache(maxsize=1)
def _random_block() -> bytes:
    return random.Random(2).randbytes(_CHUNK_BYTES)


@functools.lru_cache(maxsize=4096)
def _layer_digest(layer: Layer) -> str:
    hasher = hashlib.sha256()
    for chunk in layer.chunks():
        hasher.update(chunk)
    return f"sha256:{hasher.hexdigest()}"
