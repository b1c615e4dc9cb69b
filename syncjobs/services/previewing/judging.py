"""
Decides what a run would make of one tag, with the engine's own comparison (`registries/transfer`).

Manifests are only read where a HEAD does not tell enough: their type is wanted, or the two digests are of two
algorithms.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from registries.oci.manifest import Manifest
from registries.transfer.graph import attachable, cosign_tags, is_companion
from registries.transfer.plan import ALL_KINDS, decide
from registries.transfer.resolve import Resolution, read, resolve
from registries.transfer.route import Lane, Route
from syncjobs.services.previewing.report import Action, RepositoryFindings, Verdict


class FrugalRoute(Route):
    """A route on which a tag is asked for its digest, and its manifest is left where it is."""

    @property
    def counts_reads(self) -> bool:
        """Say yes, as of a source with a quota of manifests to read."""
        return True


@dataclass(slots=True)
class Repository:
    """
    One repository in hand.

    `target_tags`, and `lane.source_tags`, are None where they were not listed. `followed` are signatures that
    would come with what they sign. `hides_target` leaves the target's digests out of verdicts.
    """

    findings: RepositoryFindings
    lane: Lane
    hides_target: bool
    target_tags: frozenset[str] | None = None
    followed: set[str] = field(default_factory=set)

    def is_at_target(self, tag: str) -> bool | None:
        """Tell whether the target has the tag; None if its tags were not listed."""
        return None if self.target_tags is None else tag in self.target_tags

    @property
    def takes_all(self) -> bool:
        """Whether artifacts of any type are copied."""
        return self.lane.options.kinds == ALL_KINDS


def is_plainly_new(repository: Repository, tag: str) -> bool:
    """Tell whether the lists say it all: the source has the tag, the target does not, and any type will do."""
    listed = repository.lane.source_tags
    is_absent = repository.is_at_target(tag) is False
    return is_absent and repository.takes_all and listed is not None and tag in listed


async def judge(repository: Repository, tag: str) -> Verdict:
    """
    Return what the engine would make of the tag (`registries/transfer/repository.py`).

    Raises the RegistryError that would make it fail.
    """
    lane = repository.lane
    found = await resolve(lane, tag, is_at_target=repository.is_at_target(tag))
    verdict = _decide(repository, found) if found.is_comparable else None
    if verdict is not None:
        is_unsigned = verdict.action is Action.SAME and _lacks_signatures(repository, found)
        return _verdict(repository, Action.ATTACH, found) if is_unsigned else verdict
    wants_type = not repository.takes_all and tag not in repository.followed
    if not found.is_comparable or wants_type:
        manifest = await read(lane, tag, found)
        verdict = _decide(repository, found)
        if verdict is not None:
            return verdict
        if wants_type and manifest.kind not in lane.options.kinds:
            return _verdict(repository, Action.OTHER_TYPE, found, reason="kind_not_selected")
        if lane.options.referrers and not is_companion(tag):
            repository.followed.update(_companions_of(manifest))
    return _verdict(repository, Action.NEW if found.target_digest is None else Action.REPLACE, found)


def _decide(repository: Repository, found: Resolution) -> Verdict | None:
    """Return the verdict on a tag of which nothing has to be copied, None if it has to be."""
    decision = decide(
        source_digest=found.digest,
        target_digest=found.target_digest,
        override=repository.lane.options.override,
    )
    if decision == "copy":
        return None
    if decision == "up_to_date":
        return _verdict(repository, Action.SAME, found)
    return _verdict(repository, Action.KEEP, found, reason="exists", side="target")


def _lacks_signatures(repository: Repository, found: Resolution) -> bool:
    """Tell whether both lists say that signatures of an unchanged tag are missing and not asked for themselves."""
    listed, at_target = repository.lane.source_tags, repository.target_tags
    if not repository.lane.options.referrers or listed is None or at_target is None:
        return False
    requested = repository.findings.tags or ()
    return any(
        name in listed and name not in at_target and name not in requested
        for name in cosign_tags(found.digest)
    )


def _verdict(
    repository: Repository, action: Action, found: Resolution, *, reason: str = "", side: str = ""
) -> Verdict:
    """Name digests only if both sides have the tag: of a new one, lists may have said enough, so none is named."""
    if found.target_digest is None:
        return Verdict(action, reason=reason, side=side)
    target_digest = None if repository.hides_target else found.target_digest
    return Verdict(action, found.digest, target_digest, reason, side)


def _companions_of(manifest: Manifest) -> list[str]:
    """Name the tags under which cosign signs the manifest, and those that an index lists."""
    digests = [manifest.digest, *attachable(manifest.manifests)]
    return [tag for digest in digests for tag in cosign_tags(digest)]
