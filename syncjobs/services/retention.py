"""
Deletes history that nobody is promised any longer, a little at a time.

The oldest goes first, in statements of at most 500 rows, for a few seconds a call: what is left over is the
next call's. An execution that has not finished is never touched.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, Model, QuerySet

from syncjobs import states
from syncjobs.models import Execution, Job, LagSample, Outcome, PushEvent, Trigger
from syncjobs.models.execution import ExecutionQuerySet
from syncjobs.states import Status

_BATCH = 500
_EVENTS_KEPT = timedelta(days=7)
_UNEVENTFUL_KEPT = timedelta(days=1)
_LAG_KEPT = timedelta(days=1)


def prune(*, now: datetime, seconds: float = 5.0) -> int:
    """Delete what is too old or too much; stop after about so many seconds. Returns how many rows went."""
    deadline = time.monotonic() + seconds
    deleted_count = _delete(PushEvent.objects.filter(handled_at__lt=now - _EVENTS_KEPT), deadline)
    deleted_count += _delete(LagSample.objects.filter(sampled_at__lt=now - _LAG_KEPT), deadline)
    for doomed in _doomed_executions(now):
        while time.monotonic() < deadline:
            ids = list(doomed.order_by("pk").values_list("pk", flat=True)[:_BATCH])
            if not ids:
                break
            deleted_count += _delete_executions(ids, deadline)
    return deleted_count


def _doomed_executions(now: datetime) -> Iterator[ExecutionQuerySet]:
    """Yield the executions to delete: too old, scans by time that found nothing to do, and too many of a rule."""
    final = Execution.objects.filter(status__in=states.FINAL)
    yield final.filter(finished_at__lt=now - timedelta(days=settings.KEEP_DAYS))
    yield final.filter(
        finished_at__lt=now - _UNEVENTFUL_KEPT,
        status=Status.SUCCEEDED,
        trigger__in=[Trigger.POLL, Trigger.SWEEP],
        copied_count=0,
        skipped_count=0,
        deleted_count=0,
    )
    kept = settings.KEEP_EXECUTIONS
    for owner in ("rule", "replica"):
        owners = Execution.objects.exclude(**{owner: None}).order_by().values(owner).annotate(n=Count("pk"))
        for owner_id in owners.filter(n__gt=kept).values_list(owner, flat=True):
            of_owner = Execution.objects.filter(**{owner: owner_id}).order_by("-pk")
            first_too_many = of_owner.values_list("pk", flat=True)[kept : kept + 1].first()
            if first_too_many is not None:
                yield final.filter(**{owner: owner_id}, pk__lte=first_too_many)


def _delete_executions(ids: list[int], deadline: float) -> int:
    """Delete what belongs to the executions, then those of which nothing is left."""
    final = {"execution__in": ids, "execution__status__in": states.FINAL}
    deleted_count = _delete(Outcome.objects.filter(**final), deadline)
    deleted_count += _delete(Job.objects.filter(**final), deadline)
    if time.monotonic() >= deadline:
        return deleted_count
    emptied = Execution.objects.filter(pk__in=ids, status__in=states.FINAL)
    count, _per_model = emptied.delete()
    return deleted_count + count


def _delete(rows: QuerySet[Any], deadline: float) -> int:
    model: type[Model] = rows.model
    deleted_count = 0
    while time.monotonic() < deadline:
        ids = list(rows.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not ids:
            break
        count, _per_model = model._default_manager.filter(pk__in=ids).delete()
        deleted_count += count
    return deleted_count
