from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone, translation

from console.shared import wording

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (None, "–"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.00 KiB"),
        (10_240, "10.0 KiB"),
        (102_400, "100 KiB"),
        (1_048_575, "1.00 MiB"),
        (1_572_864, "1.50 MiB"),
        (5 * 1024**4, "5.00 TiB"),
        (2048 * 1024**5, "2048 PiB"),
        (1234.5, "1.21 KiB"),
    ],
)
def test_size_has_three_digits_and_a_unit(count, text):
    assert wording.size(count).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 ms"),
        (0.0004, "0 ms"),
        (0.84, "840 ms"),
        (1, "1.0 s"),
        (12.44, "12.4 s"),
        (59.96, "1 min 00 s"),
        (185, "3 min 05 s"),
        (7800, "2 h 10 min"),
        (3 * 86_400 + 4 * 3600 + 5, "3 d 4 h"),
    ],
)
def test_duration_has_two_units_at_most(seconds, text):
    assert wording.duration(timedelta(seconds=seconds)) == text


def test_duration_of_what_has_not_begun_is_a_dash():
    assert wording.duration(None) == "–"


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (None, "–"),
        (0, "0 %"),
        (1, "100 %"),
        (2 / 3, "66.6 %"),
        (0.9999, "99.9 %"),
        (0.29, "29 %"),
        (0.57, "57 %"),
    ],
)
def test_percent_is_rounded_down(ratio, text):
    assert wording.percent(ratio).replace("\xa0", " ") == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "just now"),
        (-4, "just now"),
        (3, "now"),
        (-42, "42 s ago"),
        (-150, "2 min ago"),
        (-7300, "2 h ago"),
        (-86_400, "1 day ago"),
        (-29 * 86_400, "29 days ago"),
        (-31 * 86_400, "2026-01-29"),
        (90, "in 1 min"),
        (5 * 3600, "in 5 h"),
    ],
)
def test_relative_time_says_how_long_ago_or_in_how_long(seconds, text):
    assert wording.relative_time(NOW + timedelta(seconds=seconds), now=NOW) == text


def test_absolute_time_is_in_the_active_time_zone():
    with timezone.override("Asia/Shanghai"):
        assert wording.absolute_time(NOW) == "2026-03-01 20:00:00 CST"


def test_numbers_follow_the_language():
    with translation.override("de"):
        assert wording.size(1536) == "1,50\xa0KiB"
