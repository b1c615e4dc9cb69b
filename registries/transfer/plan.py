"""What a copy is asked to do, and the decisions that need no registry. No I/O."""

from dataclasses import dataclass
from typing import Literal

from registries.oci.pace import Pace

ALL_KINDS = frozenset({"image", "chart"})

Verdict = Literal["copy", "up_to_date", "exists"]


@dataclass(frozen=True, slots=True)
class CopyOptions:
    """
    How tags of a rule are copied.

    `override` replaces a tag that has another digest at the target. `referrers` takes signatures, SBOMs and
    other attachments along. `foreign_layers` fetches layers that live outside the source registry.
    """

    override: bool = False
    kinds: frozenset[str] = ALL_KINDS
    referrers: bool = True
    foreign_layers: bool = False


@dataclass(frozen=True, slots=True)
class RepositoryCopy:
    """
    Tags of one source repository to be made equal in one target repository.

    `target_tags` are all tags of the target repository, empty if there is no such repository; None makes
    the engine list them, except for a single tag, which costs a HEAD instead. `source_tags` are all tags of
    the source repository, the place where companions (tags of signatures and of referrers) are looked up;
    None means that nobody listed them, and companions are asked for one by one. `pace` limits the bytes of
    blobs a second, together with all other copies that were given the same one.
    """

    source_repository: str
    target_repository: str
    tags: tuple[str, ...]
    options: CopyOptions
    target_tags: frozenset[str] | None
    source_tags: frozenset[str] | None = None
    pace: Pace | None = None


def decide(*, source_digest: str, target_digest: str | None, override: bool) -> Verdict:
    """Say what should become of a tag, given what it points at on both sides."""
    if target_digest is None:
        return "copy"
    if target_digest == source_digest:
        return "up_to_date"
    return "copy" if override else "exists"
