"""
Periodic work as data: cron expressions of rules, and what `tick` does every minute.

Source: design/architecture.md "Triggers"; cronsim is correct across clock changes, django-q2's own cron is
not used (reference/ecosystem.md 2.3, S1).
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError
from django.utils.translation import gettext_noop

_FAULTS = {
    "Bad minute": gettext_noop("The minute is not valid."),
    "Bad hour": gettext_noop("The hour is not valid."),
    "Bad day-of-month": gettext_noop("The day-of-month is not valid."),
    "Bad month": gettext_noop("The month is not valid."),
    "Bad day-of-week": gettext_noop("The day-of-week is not valid."),
}
"""What cronsim says, in sentences for users; the console looks up their translations."""


class InvalidSchedule(ValueError):
    """The cron expression or its time zone is not one; the message says why."""


def check(expression: str) -> None:
    """Raise InvalidSchedule unless the expression is empty or has five valid fields."""
    if expression:
        _iterate(expression, datetime(2000, 1, 1))


def next_run(expression: str, time_zone: str, *, after: datetime) -> datetime | None:
    """
    Return the first time of the expression after `after`, or None for an empty one or one that never comes.

    Raises InvalidSchedule if the expression is malformed or the time zone unknown.
    """
    if not expression:
        return None
    for moment in _iterate(expression, after.astimezone(_zone(time_zone))):
        if moment.astimezone(UTC) > after:  # in a repeated hour, cronsim begins with its first pass
            return moment
    return None


def _iterate(expression: str, start: datetime) -> CronSim:
    if len(expression.split()) != 5:
        raise InvalidSchedule(gettext_noop("A schedule has five fields: minute, hour, day, month, weekday."))
    try:
        return CronSim(expression, start)
    except CronSimError as error:
        raise InvalidSchedule(_FAULTS.get(str(error), str(error))) from None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise InvalidSchedule(f"There is no time zone {name!r}.") from None
