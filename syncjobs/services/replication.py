"""
Opens the executions of replicas: back-fill, sweeps, repairs, drift checks and removals.

Pushes reach replicas through `followers` and `pushes`, as they reach rules. What the end of an execution means
for its replica is `replica_endings`. Creating and deleting replicas is `registries/services/replicas.py`.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Permission, Replica, ReplicaStatus, User
from registries.policies import Refused
from syncjobs import queue, reasons
from syncjobs.models import Execution, Job, JobKind, LagSample, Queue, Trigger
from syncjobs.policies import AlreadyRunning
from syncjobs.queries import replicas
from syncjobs.services import executions
from syncjobs.states import Status

_LIVING = (ReplicaStatus.DEPLOYING, ReplicaStatus.RUNNING)
_STOPPING = timedelta(seconds=5)
_SEEN = timedelta(seconds=2)
"""Programs that poll must see a replica being deleted before it is gone; source: reference/tencent-api.md 0 (7)."""
_REMOVAL_AGAIN_AFTER = timedelta(minutes=15)
_SAMPLED_EVERY = timedelta(seconds=50)
_NIGHT_BEGINS, _NIGHT_ENDS = 1, 5

log = logging.getLogger(__name__)


@transaction.atomic
def open_backfill(*, replica: Replica, by: User | None, now: datetime) -> Execution:
    """
    Open the execution that brings everything to a new replica, and plan its sweeps.

    The replica is Deploying until a scan of it has succeeded, this or a later one.

    Raises PermissionDenied, and AlreadyRunning if a scan of it has not finished.
    """
    permissions.check(by, Permission.MANAGE, replica.primary)
    execution = _open(replica, Trigger.BACKFILL, by, now)
    replica.next_sweep_at = now + _about(replica.sweep_interval_seconds or 3600)
    replica.next_drift_check_at = _next_night(now)
    replica.save(update_fields=["next_sweep_at", "next_drift_check_at"])
    return execution


@transaction.atomic
def open_removal(*, replica: Replica, by: User | None, now: datetime) -> Execution | None:
    """
    Open the execution that removes the content of a replica and at its end the replica itself.

    Whatever else runs for the replica is stopped. Its executions stay in the log without it. None if a removal
    is already under way.

    Raises PermissionDenied, and Refused unless the replica is Deleting.
    """
    permissions.check(by, Permission.MANAGE, replica.primary)
    if replica.status != ReplicaStatus.DELETING:
        raise Refused(_("The replica %(replica)s is not being deleted.") % {"replica": replica.replica_id})
    active = Execution.objects.active().filter(replica=replica)
    if active.filter(trigger=Trigger.REMOVAL).exists():
        return None
    for other in active:
        executions.withdraw(other.pk, reason=reasons.REPLICA_DELETED, now=now)
    # Workers give up what they have in hand within moments; an execution that only they can end is let go.
    is_in_hand = active.exists()
    if is_in_hand:
        active.update(replica=None)
    return _open(replica, Trigger.REMOVAL, by, now, starts_at=now + (_STOPPING if is_in_hand else _SEEN))


@transaction.atomic
def check_drift(*, replica: Replica, by: User | None, now: datetime) -> Execution:
    """
    Open the execution that compares all digests of the primary with the replica's, and ring for a worker.

    Its end writes a DriftReport.

    Raises PermissionDenied, Refused for a replica that is being deleted, and AlreadyRunning.
    """
    permissions.check(by, Permission.SYNCHRONIZE, replica.primary)
    _check_is_living(replica)
    execution = _open(replica, Trigger.DRIFT, by, now)
    audit.record(audit.Verb.REPLICA_CHECKED, by=by, target=replica, account=replica.primary.account, now=now)
    return execution


@transaction.atomic
def repair(*, replica: Replica, by: User | None, now: datetime) -> Execution:
    """
    Open the execution that makes the replica equal to its primary, and ring for a worker.

    Whoever calls it confirms that tags may be deleted which the safety brake of a sweep keeps. A primary that
    lists nothing at all is not believed even so.

    Raises PermissionDenied, Refused for a replica that is being deleted, and AlreadyRunning.
    """
    permissions.check(by, Permission.SYNCHRONIZE, replica.primary)
    _check_is_living(replica)
    execution = _open(replica, Trigger.REPAIR, by, now)
    audit.record(audit.Verb.REPLICA_REPAIRED, by=by, target=replica, account=replica.primary.account, now=now)
    return execution


def start_due_sweeps(*, now: datetime) -> int:
    """
    Open a sweep for each replica that is due, together with the others of its primary; return how many.

    Replicas of one primary are swept together because they share what is read from it.
    """
    living = Replica.objects.filter(
        status__in=_LIVING, sweep_interval_seconds__gt=0, primary__account__is_active=True
    ).select_related("primary__account")
    due = living.filter(Q(next_sweep_at=None) | Q(next_sweep_at__lte=now))
    together = living.filter(primary__in=set(due.values_list("primary", flat=True)))
    return sum(_start_sweep(replica, now) for replica in together.order_by("primary", "pk"))


def start_due_drift_checks(*, now: datetime) -> int:
    """Open the nightly drift check of each running replica that is due; return how many."""
    running = Replica.objects.filter(status=ReplicaStatus.RUNNING, primary__account__is_active=True)
    for replica in running.filter(next_drift_check_at=None):
        _plan(replica, "next_drift_check_at", _next_night(now))
    due = running.filter(next_drift_check_at__lte=now).select_related("primary__account")
    return sum(
        _plan(replica, "next_drift_check_at", _next_night(now)) and _try_to_open(replica, Trigger.DRIFT, now)
        for replica in due
    )


def restart_removals(*, now: datetime) -> int:
    """Open the removal of replicas again that are Deleting while nobody works on it; return how many."""
    recent = Execution.objects.filter(replica=OuterRef("pk"), trigger=Trigger.REMOVAL).filter(
        Q(finished_at=None) | Q(finished_at__gt=now - _REMOVAL_AGAIN_AFTER)
    )
    stuck = Replica.objects.filter(~Exists(recent), status=ReplicaStatus.DELETING)
    return sum(
        open_removal(replica=replica, by=None, now=now) is not None
        for replica in stuck.select_related("primary__account")
    )


def sample_lag(*, now: datetime) -> int:
    """Store how far every replica is behind, at most once a minute each; return how many were sampled."""
    living = list(Replica.objects.filter(status__in=_LIVING))
    recent = LagSample.objects.filter(sampled_at__gt=now - _SAMPLED_EVERY)
    fresh = set(recent.values_list("replica__pk", flat=True))
    lags = replicas.list_lags(living, now)
    samples = [
        LagSample(
            replica=replica,
            sampled_at=now,
            artifacts_behind=lags[replica.pk].artifacts_behind,
            seconds_behind=lags[replica.pk].seconds_behind,
        )
        for replica in living
        if replica.pk not in fresh
    ]
    LagSample.objects.bulk_create(samples, batch_size=500)
    return len(samples)


def _start_sweep(replica: Replica, now: datetime) -> bool:
    following = now + _about(replica.sweep_interval_seconds)
    return _plan(replica, "next_sweep_at", following) and _try_to_open(replica, Trigger.SWEEP, now)


def _plan(replica: Replica, field: str, following: datetime) -> bool:
    """Set the next time by compare-and-set; False if somebody else did."""
    as_read = Replica.objects.filter(pk=replica.pk, **{field: getattr(replica, field)})
    return bool(as_read.update(**{field: following}))


def _try_to_open(replica: Replica, trigger: Trigger, now: datetime) -> bool:
    try:
        _open(replica, trigger, None, now)
    except AlreadyRunning as refusal:
        log.info("Replica %s skipped its %s: %s", replica, trigger.value, refusal)
        return False
    return True


def _open(
    replica: Replica, trigger: Trigger, by: User | None, now: datetime, *, starts_at: datetime | None = None
) -> Execution:
    """
    Open an execution with the job that finds its repositories, and ring for a worker once committed.

    Raises AlreadyRunning if the replica has another that competes with it.
    """
    try:
        with transaction.atomic():
            execution = Execution.objects.create(
                source=replica.primary,
                replica=replica,
                replica_name=replica.replica_id,
                trigger=trigger,
                started_by=by,
                created_at=now,
            )
    except IntegrityError:
        raise AlreadyRunning(
            _("A scan of the replica %(replica)s has not finished.") % {"replica": replica.replica_id}
        ) from None
    Job.objects.create(
        execution=execution,
        account_id=replica.primary.account_id,
        kind=JobKind.DISCOVER,
        queue=Queue.INTERACTIVE,
        status=Status.PENDING.value,
        not_before=starts_at or now,
    )
    queue.ring()
    return execution


def _check_is_living(replica: Replica) -> None:
    if replica.status not in _LIVING:
        raise Refused(_("The replica %(replica)s is being deleted.") % {"replica": replica.replica_id})


def _about(seconds: int) -> timedelta:
    """Return the interval or a little less, so that primaries that began together drift apart."""
    return timedelta(seconds=seconds * random.uniform(0.8, 1.0))


def _next_night(now: datetime) -> datetime:
    """Return a random time in the next night, in the platform's time zone."""
    local = now.astimezone(ZoneInfo(settings.TIME_ZONE))
    begins = local.replace(hour=_NIGHT_BEGINS, minute=0, second=0, microsecond=0)
    if begins <= local:
        begins += timedelta(days=1)
    return begins + timedelta(hours=(_NIGHT_ENDS - _NIGHT_BEGINS) * random.random())
