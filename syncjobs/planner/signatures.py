"""The tags under which cosign stores what belongs to an artifact."""

from collections.abc import Collection, Iterable

_SUFFIXES = (".sig", ".att", ".sbom")


def companion_tags(digests: Iterable[str], tags: Collection[str]) -> list[str]:
    """
    Return which of the listed tags are signatures, attestations or SBOMs of the digests, each once.

    Source: cosign, specs/SIGNATURE_SPEC.md, "Tag-based discovery": `sha256:<hex>` is signed at tag
    `sha256-<hex>.sig`.
    """
    listed = frozenset(tags)
    wanted = (f"{digest.replace(':', '-')}{suffix}" for digest in digests for suffix in _SUFFIXES)
    return [tag for tag in dict.fromkeys(wanted) if tag in listed]
