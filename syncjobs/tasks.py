"""What django-q workers call: no arguments, no results, safe to call at any time and twice."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from django.utils import timezone

from registries import audit, throttling
from registries.services import backend_checks
from syncjobs import queue
from syncjobs.drain import ledger, resident
from syncjobs.services import intake, replication, retention, schedules

log = logging.getLogger(__name__)


def drain() -> None:
    """Work on due jobs until none is left or the time slice is over."""
    resident.drain()


def tick() -> None:
    """Do everything periodic that is due: called every minute, idempotent. What fails does not stop the rest."""
    now = timezone.now()
    for act in (
        schedules.stop_switched_off_accounts,
        schedules.start_due_rules,
        schedules.start_due_polls,
        schedules.start_due_sweeps,
        replication.start_due_sweeps,
        replication.start_due_drift_checks,
        replication.restart_removals,
        intake.handle_waiting,
        replication.sample_lag,
        retention.prune,
        audit.prune,
        throttling.prune,
    ):
        _attempt(act, now)
    if ledger.has_due(now):
        queue.ring()
    _attempt(backend_checks.check_due, now)  # last, as it waits for registries


def _attempt(act: Callable[..., object], now: datetime) -> None:
    try:
        act(now=now)
    except Exception:
        log.exception("%s failed; the next tick tries again", act.__qualname__)
