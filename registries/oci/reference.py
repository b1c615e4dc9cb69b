"""
The grammar of repository names and tags. Pure.

Source: OCI distribution specification, spec.md, "Pulling manifests".
"""

import re
from functools import lru_cache

from registries.oci.digest import is_digest

NAME_LIMIT = 255

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_REPOSITORY = re.compile(rf"{_COMPONENT}(?:/{_COMPONENT})*", re.ASCII)
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}", re.ASCII)
_FALLBACK_TAG = re.compile(r"sha(256|512)-[0-9a-f]{64}")


@lru_cache(maxsize=8192)
def is_repository(name: str) -> bool:
    """Tell whether the name may name a repository."""
    return len(name) <= NAME_LIMIT and _REPOSITORY.fullmatch(name) is not None


def is_tag(tag: str) -> bool:
    """Tell whether the text may be a tag."""
    return _TAG.fullmatch(tag) is not None


def is_reference(reference: str) -> bool:
    """Tell whether the text is a tag or a digest."""
    return is_digest(reference) if ":" in reference else is_tag(reference)


def fallback_tag(digest: str) -> str:
    """
    Return the tag under which registries without a referrers API list the referrers of a digest.

    Source: OCI distribution specification, spec.md, "Referrers Tag Schema".
    """
    algorithm, _, encoded = digest.partition(":")
    return re.sub(r"[^a-zA-Z0-9._-]", "-", f"{algorithm[:32]}-{encoded[:64]}")


def is_fallback_tag(tag: str) -> bool:
    """Tell whether the tag is one that `fallback_tag` makes."""
    return _FALLBACK_TAG.fullmatch(tag) is not None
