"""What django-q workers call: no arguments, no results, safe to call at any time and twice."""

from __future__ import annotations

import logging

from django.utils import timezone

from registries import audit, throttling
from syncjobs import queue
from syncjobs.drain import ledger, resident
from syncjobs.services import intake, retention, schedules

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
        intake.handle_waiting,
        retention.prune,
        audit.prune,
        throttling.prune,
    ):
        try:
            act(now=now)
        except Exception:
            log.exception("%s failed; the next tick tries again", act.__qualname__)
    if ledger.has_due(now):
        queue.ring()
