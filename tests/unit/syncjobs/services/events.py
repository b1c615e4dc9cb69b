"""Short words for tests of what registries tell."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime

from registries.models import Instance
from syncjobs.models import EventAction, Execution, Job, PushEvent, Rule, Trigger
from syncjobs.services import intake
from syncjobs.services.intake import Notice

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
PUSH, DELETE = EventAction.PUSH, EventAction.DELETE

_numbers = itertools.count(1)


def digest(seed: object) -> str:
    return f"sha256:{hash(seed) % 16**12:064x}"


def push(place: str, seed: object = None) -> Notice:
    """The notice of a push of `repository:tag`; pushes of one seed have one digest."""
    repository, tag = place.split(":")
    number = next(_numbers)
    return Notice(f"event-{number}", PUSH, repository, tag, digest(number if seed is None else seed))


def delete(place: str) -> Notice:
    repository, tag = place.split(":")
    return Notice(f"event-{next(_numbers)}", DELETE, repository, tag)


def tell(instance: Instance, *notices: Notice, now: datetime = NOW) -> int:
    """Let the registry of the instance send the notices at once; return how many events were handled."""
    intake.receive(instance=instance, notices=notices, now=now)
    return intake.handle(instance_pk=instance.pk, now=now)


def push_executions(rule: Rule) -> list[Execution]:
    return list(rule.executions.filter(trigger=Trigger.PUSH).order_by("pk"))


def jobs_of(rule: Rule) -> list[Job]:
    return list(Job.objects.filter(execution__rule=rule).order_by("pk"))


def unhandled() -> int:
    return PushEvent.objects.filter(handled_at=None).count()
