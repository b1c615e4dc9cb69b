"""Content digests: their grammar and how to compute them. Knows sha256 and sha512, the two of the spec."""

import hashlib
import re
from typing import Protocol

from registries.oci.errors import ManifestInvalid

EMPTY_SHA256 = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

_HEX_LENGTHS = {"sha256": 64, "sha512": 128}
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}", re.ASCII)


class Hasher(Protocol):
    """The part of a hashlib object that is used here."""

    def update(self, data: bytes | memoryview, /) -> None:
        """Feed more bytes."""

    def hexdigest(self) -> str:
        """Return the digest of what was fed."""

    def copy(self) -> "Hasher":
        """Return another that has been fed the same."""


class HashedChunk(bytes):
    """
    A piece of a blob with the hash of all of the blob up to its end: who sends it need not hash it again.

    `hasher` is shared: feed a copy of it.
    """

    hasher: Hasher


def is_digest(text: str) -> bool:
    """
    Tell whether the text is a digest of an algorithm that we can verify.

    Source: OCI image specification, descriptor.md, "Digests".
    """
    return _DIGEST.fullmatch(text) is not None


def algorithm_of(digest: str) -> str:
    """
    Return "sha256" or "sha512".

    Raises ManifestInvalid if the text is no digest, or of an algorithm that we cannot verify.
    """
    if not is_digest(digest):
        raise ManifestInvalid(f"not a digest that can be verified: {digest[:100]!r}")
    return digest[:6]


def new_hasher(algorithm: str) -> Hasher:
    """Return an empty hash of the algorithm."""
    if algorithm not in _HEX_LENGTHS:
        raise ManifestInvalid(f"unknown digest algorithm: {algorithm[:40]!r}")
    return hashlib.new(algorithm, usedforsecurity=False)


def digest_of(content: bytes, algorithm: str = "sha256") -> str:
    """Return the digest of the content."""
    hasher = new_hasher(algorithm)
    hasher.update(content)
    return f"{algorithm}:{hasher.hexdigest()}"
