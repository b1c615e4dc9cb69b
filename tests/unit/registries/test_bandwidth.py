"""Limits that depend on the hour."""

from datetime import datetime

import pytest

from registries.bandwidth import InvalidBandwidth, limit_at, parse_rate, parse_windows


class TestParseRate:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("5MB/s", 5_000_000),
            ("800 kB/s", 800_000),
            ("1.5 MiB/s", 1_572_864),
            ("4096", 4096),
            ("unlimited", None),
        ],
    )
    def test_reads_units(self, text, expected):
        assert parse_rate(text) == expected

    @pytest.mark.parametrize("text", ["", "fast", "0", "-1MB/s", "5 parsecs", "MB/s"])
    def test_refuses_anything_else(self, text):
        with pytest.raises(InvalidBandwidth):
            parse_rate(text)


class TestLimitAt:
    windows = parse_windows("08:00-18:00 5MB/s; 22:00-06:00 unlimited")

    @pytest.mark.parametrize(
        ("hour", "minute", "expected"),
        [
            (7, 59, 1_000),
            (8, 0, 5_000_000),
            (17, 59, 5_000_000),
            (18, 0, 1_000),
            (22, 0, None),
            (0, 0, None),
            (5, 59, None),
            (6, 0, 1_000),
        ],
    )
    def test_takes_the_window_that_holds_the_hour_or_the_base(self, hour, minute, expected):
        assert limit_at(datetime(2026, 5, 1, hour, minute), base=1_000, windows=self.windows) == expected

    def test_windows_may_end_at_midnight(self):
        (window,) = parse_windows("20:00-24:00 1MB/s")
        assert window.holds(datetime(2026, 5, 1, 23, 59).time())
        assert not window.holds(datetime(2026, 5, 1, 0, 0).time())

    @pytest.mark.parametrize("text", ["8-18 5MB/s", "08:00-25:00 5MB/s", "08:00-18:00", "08:61-18:00 1MB/s"])
    def test_refuses_malformed_windows(self, text):
        with pytest.raises(InvalidBandwidth):
            parse_windows(text)
