"""
WHEN a rule may be saved or triggered, and an execution stopped or retried.

Each `check_…` raises Refused, whose message is fit for the user; WHO may is `registries/permissions.py`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from registries.policies import Refused, check_can_hold_rules
from syncjobs.models import Execution, Rule, Trigger


class RuleDisabled(Refused):
    """A disabled rule runs for nobody."""


class AlreadyRunning(Refused):
    """The rule is being scanned; a second scan would only compete for the same blobs."""


def check_can_trigger(rule: Rule) -> None:
    """Raise RuleDisabled or AlreadyRunning, or Refused if the edition no longer includes rules."""
    if not rule.is_enabled:
        raise RuleDisabled(_("The rule is disabled. Enable it before you trigger it."))
    check_can_hold_rules(rule.source)
    _check_not_scanned(rule)


def check_can_stop(execution: Execution) -> None:
    """Raise Refused if the execution has finished."""
    if execution.is_final:
        raise Refused(_("Task %(id)s has finished.") % {"id": execution.pk})


def check_can_retry(execution: Execution) -> None:
    """Raise Refused unless it has finished with something to retry, AlreadyRunning beside another scan."""
    if not execution.is_final:
        raise Refused(_("Task %(id)s has not finished.") % {"id": execution.pk})
    if not execution.jobs.filter(status__in=["failed", "stopped"]).exists():
        raise Refused(_("Task %(id)s has no failed repository.") % {"id": execution.pk})
    if execution.rule and execution.trigger != Trigger.PUSH:
        _check_not_scanned(execution.rule)


def _check_not_scanned(rule: Rule) -> None:
    active = rule.executions.active().exclude(trigger=Trigger.PUSH).first()
    if active:
        raise AlreadyRunning(_("Task %(id)s of this rule has not finished.") % {"id": active.pk})
