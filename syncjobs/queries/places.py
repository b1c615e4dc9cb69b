"""
What Regatta itself knows of the tags of a repository: when they came, and where else the same content is.

Known from notifications and from copies that succeeded, never by asking other registries: a tag elsewhere may have
moved or gone since, and what was already equal before the first copy is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime

from registries.models import Instance, Replica, User
from syncjobs.models import EventAction, Outcome, OutcomeStatus, PushEvent

_LOOKED_AT = 400
_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Place:
    """A tag of another instance or replica that was seen with the digest; exactly one of the two is set."""

    repository: str
    tag: str
    instance: Instance | None = None
    replica: Replica | None = None

    @property
    def reference(self) -> str:
        """The repository and the tag."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a tag came, as far as it is known: pushed by a user, or copied by Regatta."""

    happened_at: datetime
    is_copy: bool


def find_places(
    *, digests: Iterable[str], besides: Instance, repository: str, user: User
) -> dict[str, list[Place]]:
    """
    Return for each digest the places of the user's own account that have been seen with it, the latest first.

    What lies in the repository itself is left out. Reads the latest 400 copies of the digests.
    """
    visible = Instance.objects.visible_to(user)
    copies = (
        Outcome.objects.filter(
            digest__in=set(digests), status=OutcomeStatus.COPIED, execution__source__in=visible
        )
        .select_related("job", "execution__source", "execution__rule__target", "execution__replica__region")
        .order_by("-id")[:_LOOKED_AT]
    )
    mine = set(visible.filter(pk__in=_targets(copies)).values_list("pk", flat=True))
    found: dict[str, dict[tuple[object, ...], Place]] = {}
    for copy in copies:
        for place in _ends(copy, mine):
            if place.instance == besides and place.repository == repository:
                continue
            key = (place.instance and place.instance.pk, place.replica and place.replica.pk, place.reference)
            found.setdefault(copy.digest, {}).setdefault(key, place)
    return {digest: list(places.values())[:_SHOWN] for digest, places in found.items()}


def find_arrivals(*, instance: Instance, repository: str, digests: Mapping[str, str]) -> dict[str, Arrival]:
    """Return when the tags, given with their digests, were pushed or copied here, for those where it is known."""
    pushes = PushEvent.objects.filter(
        instance=instance, repository=repository, tag__in=list(digests), action=EventAction.PUSH
    )
    copies = Outcome.objects.filter(
        digest__in=set(digests.values()),
        status=OutcomeStatus.COPIED,
        tag__in=list(digests),
        job__target_repository=repository,
        execution__rule__target=instance,
    )
    found: dict[str, Arrival] = {}
    for tag, digest, moment in pushes.order_by("id").values_list("tag", "digest", "received_at"):
        if digests[tag] == digest:
            found[tag] = Arrival(moment, is_copy=False)
    for tag, digest, moment in copies.order_by("id").values_list("tag", "digest", "happened_at"):
        # Our own copy is notified like any push, a little later: that it is a copy tells more.
        if digests[tag] == digest:
            found[tag] = Arrival(moment, is_copy=True)
    return found


def _targets(copies: Iterable[Outcome]) -> set[int]:
    rules = (copy.execution.rule for copy in copies)
    return {rule.target_id for rule in rules if rule is not None and rule.target_id is not None}


def _ends(copy: Outcome, mine: Set[int]) -> Iterable[Place]:
    """Yield both ends of the copy, but for a target of another account."""
    execution = copy.execution
    yield Place(copy.job.source_repository, copy.tag, instance=execution.source)
    if execution.replica is not None:
        yield Place(copy.job.target_repository, copy.tag, replica=execution.replica)
    elif execution.rule is not None and execution.rule.target_id in mine:
        yield Place(copy.job.target_repository, copy.tag, instance=execution.rule.target)
