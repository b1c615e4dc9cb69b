"""
Starts what is due by time: schedules, polls of sources that send no events, sweeps behind those that do.

Everything here is safe to repeat and to run in two places: the next time is set by compare-and-set, and a
rule that is still being scanned skips its turn.
"""

from __future__ import annotations

import logging
import random
from datetime import datetime, timedelta
from typing import Literal

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet

from registries.policies import Refused
from syncjobs import policies, reasons, schedules
from syncjobs.models import Execution, Rule, Trigger
from syncjobs.services import executions

DueField = Literal["next_run_at", "next_poll_at", "next_sweep_at"]

log = logging.getLogger(__name__)


def start_due_rules(*, now: datetime) -> int:
    """
    Open an execution for each enabled rule whose cron time has come; return how many.

    A time that passed while no worker ran is made up for once.
    """
    due = _running_rules().filter(next_run_at__lte=now)
    return sum(_start(rule, "next_run_at", _following(rule, now), Trigger.SCHEDULE, now) for rule in due)


def start_due_polls(*, now: datetime) -> int:
    """Open an execution for each enabled rule that polls its source and is due; return how many."""
    polling = _running_rules().filter(poll_interval_seconds__gt=0)
    due = polling.filter(Q(next_poll_at=None) | Q(next_poll_at__lte=now))
    return sum(
        _start(rule, "next_poll_at", now + _about(rule.poll_interval_seconds or 0), Trigger.POLL, now)
        for rule in due
    )


def start_due_sweeps(*, now: datetime) -> int:
    """
    Open an execution for each enabled push rule whose sweep is due; return how many.

    The first sweep of a rule is at a random time within its interval, so that not all run at once.
    """
    swept = _running_rules().filter(is_push_triggered=True, sweep_interval_seconds__gt=0)
    for rule in swept.filter(next_sweep_at=None):
        first = now + timedelta(seconds=random.random() * rule.sweep_interval_seconds)
        Rule.objects.filter(pk=rule.pk, next_sweep_at=None).update(next_sweep_at=first)
    due = swept.filter(next_sweep_at__lte=now)
    return sum(
        _start(rule, "next_sweep_at", now + _about(rule.sweep_interval_seconds), Trigger.SWEEP, now)
        for rule in due
    )


def stop_switched_off_accounts(*, now: datetime) -> int:
    """Ask workers to stop what runs for accounts that were switched off; return how many executions that is."""
    running = Execution.objects.active().filter(source__account__is_active=False, stop_requested_at=None)
    return sum(
        executions.withdraw(execution.pk, reason=reasons.ACCOUNT_DISABLED, now=now) for execution in running
    )


def _running_rules() -> QuerySet[Rule]:
    """Return the rules that run by themselves: neither they nor their accounts are switched off."""
    running = Rule.objects.filter(is_enabled=True, source__account__is_active=True)
    return running.select_related("source__account")


def _start(rule: Rule, field: DueField, following: datetime | None, trigger: Trigger, now: datetime) -> bool:
    """Open a scan of a rule that is due, unless somebody else does or it is not possible now."""
    as_read = Rule.objects.filter(pk=rule.pk, **{field: getattr(rule, field)})
    try:
        with transaction.atomic():
            if not as_read.update(**{field: following}):
                return False
            policies.check_can_trigger(rule)
            with transaction.atomic():
                executions.open_scan(rule=rule, trigger=trigger, by=None, now=now)
    except (Refused, IntegrityError) as refusal:
        log.info("Rule %s skipped its %s: %s", rule.pk, trigger.value, refusal)
        as_read.update(**{field: following})
        return False
    return True


def _about(seconds: int) -> timedelta:
    """Return the interval or a little less, so that rules that began together drift apart."""
    return timedelta(seconds=seconds * random.uniform(0.8, 1.0))


def _following(rule: Rule, now: datetime) -> datetime | None:
    try:
        return schedules.next_run(rule.schedule, rule.time_zone, after=now)
    except schedules.InvalidSchedule as invalid:  # one bad rule must not hold up those of others
        log.error("Rule %s runs once more and then no longer by time: %s", rule.pk, invalid)
        return None
