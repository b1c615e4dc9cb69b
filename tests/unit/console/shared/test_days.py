"""A day begins at midnight where the user is, as long as it is a day of the calendar."""

from datetime import UTC, date, datetime

import pytest
from django.utils import timezone

from console.shared import days


def test_begins_at_midnight_of_the_user_s_zone():
    with timezone.override("Asia/Shanghai"):
        assert days.start_of(date(2026, 3, 1)) == datetime(2026, 2, 28, 16, tzinfo=UTC)
        assert days.start_of(date(2026, 3, 1), days_later=1) == datetime(2026, 3, 1, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "days_later"),
    [("Asia/Shanghai", date.min, 0), ("UTC", date.max, 1), ("America/New_York", date.max, 1)],
)
def test_is_none_beyond_the_ends_of_the_calendar(zone, day, days_later):
    with timezone.override(zone):
        assert days.start_of(day, days_later=days_later) is None


def test_is_none_without_a_day():
    assert days.start_of(None) is None
