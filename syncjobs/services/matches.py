"""
Tells which repositories and tags of its source a rule would match, while its form is filled in.

Names only, from lists of the source that may be some minutes old (`registries/services/snapshots.py`); the target
is not asked. What a run would make of what matches is a preview (`previews.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from registries import permissions
from registries.models import Instance, Permission, User
from registries.oci.errors import RegistryError
from registries.policies import check_can_hold_rules
from registries.services import snapshots
from registries.services.snapshots import MAX_AGE, Snapshot
from registries.transfer.graph import is_companion
from syncjobs import planner
from syncjobs.planner import RepositoryEdge, Selection, natural_key

SHOWN_REPOSITORIES = 5
SHOWN_TAGS = 8
_SHOWN_NAMESPACES = 10


@dataclass(frozen=True, slots=True)
class RepositoryMatch:
    """
    One matching repository, the path that it gets at the target, and its matching tags, the highest first.

    Tags that tools made to attach something are not among them. `tag_count` is how many tags it has; None if the
    registry did not tell.
    """

    source: str
    target: str
    tags: tuple[str, ...] = ()
    tag_count: int | None = None

    @property
    def shown_tags(self) -> tuple[str, ...]:
        """The first of the matching tags."""
        return self.tags[:SHOWN_TAGS]

    @property
    def hidden_count(self) -> int:
        """How many match besides."""
        return len(self.tags) - len(self.shown_tags)


@dataclass(frozen=True, slots=True)
class Matches:
    """
    What matches.

    `repository_count` is of the namespace, None if the source does not list its repositories; then the filter has
    named those that match, which need not exist. `namespaces` are the first of the source, if the given one
    holds nothing. `conflict_count` targets would be shared by several sources. `read_at` is when the oldest list was
    read.
    """

    matching_count: int
    repository_count: int | None
    repositories: tuple[RepositoryMatch, ...]
    namespaces: tuple[str, ...]
    conflict_count: int
    is_cut: bool
    read_at: datetime

    @property
    def hidden_count(self) -> int:
        """How many repositories match besides those that are told."""
        return self.matching_count - len(self.repositories)


def find(
    *, source: Instance, selection: Selection, by: User | None, now: datetime, max_age: timedelta = MAX_AGE
) -> Matches:
    """
    Return what the selection matches at its source, from lists that are at most so old.

    Takes 20 seconds at most, where lists have to be read. An empty namespace matches nothing. Not for code that runs
    in an event loop.

    Raises PermissionDenied, Refused if the source can hold no rules or too many are asking, and RegistryError if the
    source does not tell.
    """
    permissions.check(by, Permission.SYNCHRONIZE, source)
    check_can_hold_rules(source)
    listed = _list(source, selection, by, now, max_age)
    names = listed.names if listed else planner.exact_repositories(selection) or ()
    in_namespace = list(filter(selection.is_in_namespace, names))
    plan = planner.plan_repositories(selection, in_namespace)
    shown = plan.edges[:SHOWN_REPOSITORIES]
    tags = snapshots.read_tags(
        instance=source, repositories=[edge.source for edge in shown], by=by, now=now, max_age=max_age
    )
    return Matches(
        matching_count=len(plan.edges),
        repository_count=len(in_namespace) if listed else None,
        repositories=tuple(_describe(edge, selection, tags.get(edge.source)) for edge in shown),
        namespaces=() if in_namespace else _namespaces_of(names),
        conflict_count=len(plan.collisions),
        is_cut=bool(listed and listed.is_cut),
        read_at=_oldest(listed, tags.values(), now),
    )


def _list(
    source: Instance, selection: Selection, by: User | None, now: datetime, max_age: timedelta
) -> Snapshot | None:
    """Return the repositories of the source; None if it does not list them and the filter names some."""
    try:
        return snapshots.read_repositories(instance=source, by=by, now=now, max_age=max_age)
    except RegistryError:
        if not planner.exact_repositories(selection):
            raise
        return None


def _describe(edge: RepositoryEdge, selection: Selection, listed: Snapshot | None) -> RepositoryMatch:
    if listed is None:
        return RepositoryMatch(edge.source, edge.target)
    own = [tag for tag in listed.names if not is_companion(tag)]
    matching = reversed(planner.select_tags(selection, own))
    return RepositoryMatch(edge.source, edge.target, tuple(matching), len(own))


def _namespaces_of(names: Iterable[str]) -> tuple[str, ...]:
    found = {name.partition("/")[0] for name in names if "/" in name}
    return tuple(sorted(found, key=natural_key)[:_SHOWN_NAMESPACES])


def _oldest(listed: Snapshot | None, tags: Iterable[Snapshot], now: datetime) -> datetime:
    return min([*(one.read_at for one in tags), listed.read_at if listed else now])
