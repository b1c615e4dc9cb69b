"""What a mirror deletes at a replica, and when its safety brake keeps it from deleting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from registries.oci.reference import is_fallback_tag
from syncjobs.planner.ordering import natural_key

FEW_TAGS = 20
"""A replica with no more tags than this may lose most of them without being asked about."""

Tags = Mapping[str, frozenset[str]]
"""All tags of each repository."""


class Brake(StrEnum):
    """Why a mirror deletes nothing: a reason code."""

    EMPTY_CATALOGUE = "mirror_brake_empty"
    EMPTY_REPOSITORY = "mirror_brake_repository"
    SHRINK = "mirror_brake"


@dataclass(frozen=True, slots=True)
class MirrorPlan:
    """
    What is to be made equal: `repositories` in natural order, `deletions` the surplus tags of some of them.

    `braked` holds what would have been deleted in a repository and is not, and why. `held_count` tags are at
    the replica, `surplus_count` of them are not at the primary.
    """

    repositories: tuple[str, ...]
    deletions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    braked: Mapping[str, Brake] = field(default_factory=dict)
    held_count: int = 0
    surplus_count: int = 0


def surplus_tags(source: frozenset[str], target: frozenset[str]) -> frozenset[str]:
    """
    Return the tags that only the target has.

    Lists of referrers are none: a target without the referrers API keeps them under tags of its own.
    """
    return frozenset(tag for tag in target - source if not is_fallback_tag(tag))


def plan_mirror(source: Tags, target: Tags, *, is_confirmed: bool) -> MirrorPlan:
    """
    Return what makes the target equal to the source, and what the safety brake forbids.

    `source` holds every repository that the primary lists, also those without tags; `target` those of the
    replica. A primary that lists nothing at all, while the replica holds something, is never believed. A
    repository whose list of tags is empty, and the loss of more than half of all tags, need somebody who
    confirmed them.
    """
    surplus = {
        repository: surplus_tags(source.get(repository, frozenset()), tags)
        for repository, tags in target.items()
    }
    surplus = {repository: tags for repository, tags in surplus.items() if tags}
    held_count = sum(map(len, target.values()))
    surplus_count = sum(map(len, surplus.values()))
    is_shrink = held_count > FEW_TAGS and 2 * surplus_count > held_count
    braked: dict[str, Brake] = {}
    for repository in surplus:
        if not source:
            braked[repository] = Brake.EMPTY_CATALOGUE
        elif is_confirmed:
            continue
        elif repository in source and not source[repository]:
            braked[repository] = Brake.EMPTY_REPOSITORY
        elif is_shrink:
            braked[repository] = Brake.SHRINK
    return MirrorPlan(
        repositories=tuple(sorted({*source, *surplus}, key=natural_key)),
        deletions={
            repository: tuple(sorted(tags, key=natural_key))
            for repository, tags in surplus.items()
            if repository not in braked
        },
        braked=braked,
        held_count=held_count,
        surplus_count=surplus_count,
    )
