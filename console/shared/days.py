"""Days that a filter names, as moments in the user's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django.utils import timezone


def start_of(day: date | None, *, days_later: int = 0) -> datetime | None:
    """Return the midnight that begins the day; None for one that is not in UTC's calendar, as the year 10000."""
    if day is None:
        return None
    try:
        midnight = datetime.combine(day + timedelta(days=days_later), time.min)
        return timezone.make_aware(midnight).astimezone(UTC)
    except OverflowError:
        return None
