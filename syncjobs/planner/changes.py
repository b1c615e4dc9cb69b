"""What a run would do to the tags of one repository: the preview."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum

from syncjobs.planner.ordering import natural_key


class TagAction(StrEnum):
    """What becomes of a tag at the target."""

    NEW = "new"
    REPLACE = "replace"
    KEEP = "keep"
    SAME = "same"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class TagChange:
    """
    One tag and what becomes of it at the target.

    A digest is None on the side where the tag does not exist. `keep` means that the target has another digest
    and the rule does not override.
    """

    tag: str
    action: TagAction
    source_digest: str | None
    target_digest: str | None


def diff_tags(
    source: Mapping[str, str],
    target: Mapping[str, str],
    *,
    override: bool,
    sync_deletions: bool = False,
    previously_copied: Mapping[str, str] | None = None,
    unselected: Collection[str] = (),
) -> list[TagChange]:
    """
    Return the changes in natural order of the tags; a tag that only the target has is none, unless deleted.

    `source` holds the digests of the selected tags, `target` those of the tags at the target. Deletions need
    `sync_deletions` and reach only tags that the rule itself brought: `previously_copied` holds the digests
    that it wrote, and a tag whose digest has changed since stays. `unselected` are tags that the source has
    but the filter leaves out; they stay, too. Never allow deletions with a listing that may be incomplete.
    """
    changes = [
        TagChange(tag, _action(digest, target.get(tag), override=override), digest, target.get(tag))
        for tag, digest in source.items()
    ]
    if sync_deletions:
        kept = {*source, *unselected}
        changes += [
            TagChange(tag, TagAction.DELETE, None, digest)
            for tag, digest in (previously_copied or {}).items()
            if tag not in kept and target.get(tag) == digest
        ]
    return sorted(changes, key=lambda change: natural_key(change.tag))


def _action(source_digest: str, target_digest: str | None, *, override: bool) -> TagAction:
    if target_digest is None:
        return TagAction.NEW
    if target_digest == source_digest:
        return TagAction.SAME
    return TagAction.REPLACE if override else TagAction.KEEP
