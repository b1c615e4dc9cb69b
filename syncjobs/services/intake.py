"""
Takes in what registries tell, and decides which rules and replicas it concerns.

An event is stored before anything is decided, and handled in a transaction of its own; what no request could
handle, `tick` does. Events are hints: one that is lost or repeated costs time, because a tag is resolved when
it is copied, and because of the sweep. Source: design/architecture.md "One pushed image, followed".
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import OperationalError, transaction
from django.db.models import Max

from registries.models import Instance
from registries.transfer.graph import is_companion
from syncjobs import planner
from syncjobs.models import EventAction, Job, JobKind, Outcome, OutcomeStatus, PushEvent
from syncjobs.planner import Selection
from syncjobs.services import followers, pushes
from syncjobs.services.followers import Follower
from syncjobs.states import Status

_PAGE = 500
_ECHO_WINDOW = timedelta(minutes=15)
_EXISTS = (OutcomeStatus.SKIPPED, "exists")

log = logging.getLogger(__name__)

Place = tuple[str, str]
"""A repository and a tag in it."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One event as a registry told it; the repository is the instance's own name for it."""

    event_id: str
    action: EventAction
    repository: str
    tag: str
    digest: str = ""


def receive(*, instance: Instance, notices: Sequence[Notice], now: datetime) -> None:
    """Store the events; one whose id the instance has sent before is dropped."""
    PushEvent.objects.bulk_create(
        [
            PushEvent(
                instance=instance,
                event_id=notice.event_id,
                action=notice.action,
                repository=notice.repository,
                tag=notice.tag,
                digest=notice.digest,
                received_at=now,
            )
            for notice in notices
        ],
        batch_size=_PAGE,
        ignore_conflicts=True,
    )


def handle(*, instance_pk: int, now: datetime) -> int:
    """
    Open or extend executions for the stored events of an instance; return how many were handled.

    Safe to repeat and to run in two places: they take turns. Deletions of tags that a worker is copying are
    left for the next call.
    """
    handled_count, after = 0, 0
    while True:
        events, postponed = _handle_page(instance_pk, after, now)
        handled_count += len(events) - len(postponed)
        if len(events) < _PAGE:
            return handled_count
        after = events[-1].pk


def handle_waiting(*, now: datetime) -> int:
    """Handle what was stored and then left, for every instance; return how many events were."""
    handled_count = 0
    waiting = PushEvent.objects.filter(handled_at=None).order_by().values_list("instance_id", flat=True)
    for instance_pk in waiting.distinct():
        try:
            handled_count += handle(instance_pk=instance_pk, now=now)
        except Exception:
            log.exception("The events of instance %s stay for the next time", instance_pk)
    return handled_count


@transaction.atomic
def _handle_page(instance_pk: int, after: int, now: datetime) -> tuple[list[PushEvent], set[int]]:
    """Handle stored events behind the id `after`; return them, and the ids of those that must wait."""
    # Without the key, the lock lets rows that refer to the instance be written meanwhile.
    instance = _lock(instance_pk)
    waiting = PushEvent.objects.filter(instance=instance_pk, handled_at=None, pk__gt=after)
    events = list(waiting.order_by("pk")[:_PAGE])
    if instance is None or not events:
        return [], set()
    listening = followers.list_followers(instance)
    postponed = _find_postponed(listening, events)
    current = [event for event in _keep_last_words(events) if event.pk not in postponed]
    subjects = _find_subjects(current)
    for follower in listening if current else ():
        try:
            with transaction.atomic():
                _notify(follower, current, subjects, now)
        except OperationalError:
            raise
        except Exception:
            log.exception("%s could not be told of events; its sweep will find what they meant", follower)
    handled = [event.pk for event in events if event.pk not in postponed]
    PushEvent.objects.filter(pk__in=handled).update(handled_at=now)
    return events, postponed


def _lock(instance_pk: int) -> Instance | None:
    locked = Instance.objects.select_for_update(of=("self",), no_key=True).select_related("account")
    return locked.filter(pk=instance_pk).first()


def _find_postponed(listening: Iterable[Follower], events: Iterable[PushEvent]) -> set[int]:
    """
    Return the deletions of tags that a rule is copying: the copy would bring them back.

    Jobs of replicas look again at what they have copied, so nothing waits for them.
    """
    deletions = [event for event in events if event.action == EventAction.DELETE]
    rules = [follower.rule for follower in listening if follower.rule and follower.follows_deletions]
    if not deletions or not rules:
        return set()
    running = Job.objects.filter(
        status=Status.RUNNING,
        kind=JobKind.COPY,
        execution__rule__in=rules,
        source_repository__in={event.repository for event in deletions},
    ).values_list("source_repository", "tags")
    return {
        event.pk
        for event in deletions
        for repository, tags in running
        if repository == event.repository and (tags is None or event.tag in tags)
    }


def _keep_last_words(events: Sequence[PushEvent]) -> list[PushEvent]:
    """Leave out events behind which a later one about the same tag was stored."""
    places = {(event.repository, event.tag) for event in events}
    last = {word.pk for word in _find_last_words(events[0].instance_id, places).values()}
    return [event for event in events if event.pk in last]


def _find_last_words(
    instance_pk: int, places: Collection[Place], *, since: datetime | None = None
) -> dict[Place, PushEvent]:
    """Return the last event that the instance sent about each place."""
    said = PushEvent.objects.filter(
        instance=instance_pk,
        repository__in={repository for repository, _tag in places},
        tag__in={tag for _repository, tag in places},
    )
    if since is not None:
        said = said.filter(received_at__gte=since)
    newest = said.order_by().values("repository", "tag").annotate(newest=Max("pk")).values("newest")
    return {(event.repository, event.tag): event for event in PushEvent.objects.filter(pk__in=newest)}


def _find_subjects(events: Iterable[PushEvent]) -> dict[Place, set[str]]:
    """Return, for a repository and the tag of a signature in it, the tags of what it was made for."""
    companions = [event for event in events if is_companion(event.tag)]
    if not companions:
        return {}
    digests = {event.tag: _subject_digest(event.tag) for event in companions}
    known = PushEvent.objects.filter(
        instance=companions[0].instance_id,
        action=EventAction.PUSH,
        repository__in={event.repository for event in companions},
        digest__in=set(digests.values()),
    ).values_list("repository", "digest", "tag")
    subjects: dict[Place, set[str]] = {}
    for event in companions:
        place = (event.repository, event.tag)
        subjects[place] = {
            tag
            for repository, digest, tag in known
            if (repository, digest) == (event.repository, digests[event.tag])
        }
    return subjects


def _subject_digest(tag: str) -> str:
    return tag.partition(".")[0].replace("-", ":", 1)


def _notify(
    follower: Follower, events: Iterable[PushEvent], subjects: Mapping[Place, set[str]], now: datetime
) -> None:
    """Give the follower those events that it selects and that still mean work."""
    selection = follower.selection
    selected = {
        (event.repository, event.tag): event
        for event in events
        if (event.action == EventAction.PUSH or follower.follows_deletions)
        and planner.selects_repository(selection, event.repository)
        and _selects_tag(follower, selection, event, subjects)
    }
    if not selected:
        return
    meaningless = _find_echoes(follower, selected, now) | _find_foreign(follower, selected)
    touched: dict[str, dict[str, EventAction]] = {}
    for (repository, tag), event in selected.items():
        if (repository, tag) not in meaningless:
            touched.setdefault(repository, {})[tag] = EventAction(event.action)
    if touched:
        pushes.enqueue(follower=follower, touched=touched, now=now)


def _selects_tag(
    follower: Follower, selection: Selection, event: PushEvent, subjects: Mapping[Place, set[str]]
) -> bool:
    """Tell whether the follower wants the tag, or the tag of which it is the signature."""
    if planner.selects_tag(selection, event.tag):
        return True
    signed = subjects.get((event.repository, event.tag), ()) if follower.with_referrers else ()
    return any(planner.selects_tag(selection, tag) for tag in signed)


def _find_echoes(follower: Follower, selected: Mapping[Place, PushEvent], now: datetime) -> set[Place]:
    """
    Return what the target itself has just told us of the same tag.

    Such an event is our own copy from there, or deletion there, come back: there is nothing to do. Replicas
    are read-only and tell nothing.
    """
    if follower.target is None or not follower.target.has_hook:
        return set()
    targets = {
        place: (planner.target_repository(follower.selection, place[0]), place[1]) for place in selected
    }
    words = _find_last_words(follower.target.pk, set(targets.values()), since=now - _ECHO_WINDOW)
    return {
        place
        for place, target in targets.items()
        if (word := words.get(target)) is not None and _is_same(word, selected[place])
    }


def _is_same(word: PushEvent, event: PushEvent) -> bool:
    if event.action == EventAction.DELETE:
        return word.action == EventAction.DELETE
    return word.action == EventAction.PUSH and word.digest == event.digest != ""


def _find_foreign(follower: Follower, selected: Mapping[Place, PushEvent]) -> set[Place]:
    """
    Return the deletions of tags that the target has with another digest, where the rule may not override.

    What a rule would not replace it does not delete, either.
    """
    deleted = {place for place, event in selected.items() if event.action == EventAction.DELETE}
    if follower.overrides or not deleted:
        return set()
    outcomes = Outcome.objects.filter(
        **follower.owning("execution__"),
        execution__gte=pushes.find_last_scan_id(follower),
        job__source_repository__in={repository for repository, _tag in deleted},
        tag__in={tag for _repository, tag in deleted},
    ).order_by("pk")
    last = {
        (repository, tag): (status, reason)
        for repository, tag, status, reason in outcomes.values_list(
            "job__source_repository", "tag", "status", "reason"
        )
    }
    return {place for place in deleted if last.get(place) == _EXISTS}
