"""Cron expressions: five fields, the clock of a place, and the two nights a year when it jumps."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from syncjobs import schedules
from syncjobs.schedules import InvalidSchedule

NEW_YORK, BERLIN, LORD_HOWE = "America/New_York", "Europe/Berlin", "Australia/Lord_Howe"
MINUTE = st.sampled_from(["*", "0", "30", "10,50", "*/15"])
HOUR = st.sampled_from(["*", "0", "1", "2", "1-3", "1,2", "*/2"])
DAY = st.sampled_from(["*", "1", "8", "L", "*/7"])
EXPRESSIONS = st.tuples(MINUTE, HOUR, DAY, st.just("*"), st.sampled_from(["*", "SUN", "1-5"])).map(" ".join)
ZONES = st.sampled_from([NEW_YORK, BERLIN, LORD_HOWE, "Asia/Shanghai", "UTC", "America/Sao_Paulo"])


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def next_run(expression: str, zone: str, after: str) -> str:
    """The next run as `YYYY-MM-DD HH:MM` in UTC."""
    found = schedules.next_run(expression, zone, after=utc(after))
    assert found is not None
    return f"{found.astimezone(UTC):%Y-%m-%d %H:%M}"


class TestCheck:
    @pytest.mark.parametrize(
        "expression",
        [
            "",
            "0 3 * * *",
            "*/15 * * * *",
            "0 0 1,15 * MON-FRI",
            "30 2 L * *",
            "0 9 * * MON#1",
            " 0  3 * * * ",
        ],
    )
    def test_takes_five_fields_and_nothing(self, expression):
        schedules.check(expression)

    @pytest.mark.parametrize(
        "expression",
        ["* * * *", "* * * * * *", "0 0 3 * * *", "@daily", "@reboot", "nonsense", "   ", "*****", "0"],
    )
    def test_refuses_another_number_of_fields_and_says_which_are_meant(self, expression):
        with pytest.raises(InvalidSchedule, match="minute, hour, day, month, weekday"):
            schedules.check(expression)

    @pytest.mark.parametrize(
        ("expression", "field"),
        [
            ("60 * * * *", "minute"),
            ("* 24 * * *", "hour"),
            ("* * 0 * *", "day-of-month"),
            ("* * 32 * *", "day-of-month"),
            ("* * * 13 *", "month"),
            ("* * * * 8", "day-of-week"),
            ("*/0 * * * *", "minute"),
            ("5-1 * * * *", "minute"),
            ("-1 * * * *", "minute"),
            ("1,, * * * *", "minute"),
            ("٣ * * * *", "minute"),
            ("* * 31 2 *", "day-of-month"),
            ("* * * * MON#6", "day-of-week"),
        ],
    )
    def test_names_the_field_that_is_wrong(self, expression, field):
        with pytest.raises(InvalidSchedule, match=field):
            schedules.check(expression)

    @given(st.text(alphabet="0123456789*/,-#LWMON \t", max_size=30))
    @example("0 0 L/2 * *")
    @example("0 0 L-3 * *")
    @example("0 0 1,L/3 * *")
    @example("0 0 * * 1L/2")
    @example("0 0 * * */L")
    @example("0 0 * * MON#1/2")
    @example("0 0 LW,L/2 * *")
    def test_never_fails_in_another_way(self, expression):
        with contextlib.suppress(InvalidSchedule):
            schedules.check(expression)
            schedules.next_run(expression, NEW_YORK, after=utc("2026-01-01"))


class TestNextRun:
    def test_is_none_without_a_schedule_and_for_a_day_that_never_comes(self):
        assert schedules.next_run("", "UTC", after=utc("2026-01-01")) is None
        assert schedules.next_run("0 0 */40 2 MON#5", "UTC", after=utc("2026-01-01")) is None

    def test_is_later_than_the_time_asked_for_even_if_that_fits(self):
        assert next_run("0 3 * * *", "UTC", "2026-01-01 03:00") == "2026-01-02 03:00"
        assert next_run("0 3 * * *", "UTC", "2026-01-01 02:59:59.999") == "2026-01-01 03:00"

    def test_is_read_on_the_clock_of_the_rule_s_time_zone(self):
        assert next_run("0 3 * * *", "Asia/Shanghai", "2026-01-01 00:00") == "2026-01-01 19:00"
        assert next_run("30 9 * * *", "Asia/Kolkata", "2026-01-01 00:00") == "2026-01-01 04:00"

    def test_knows_leap_days(self):
        assert next_run("0 0 29 2 *", "UTC", "2026-01-01 00:00") == "2028-02-29 00:00"

    def test_refuses_a_malformed_expression(self):
        with pytest.raises(InvalidSchedule):
            schedules.next_run("61 * * * *", "UTC", after=utc("2026-01-01"))

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "/etc/passwd", "a\x00b"])
    def test_refuses_an_unknown_time_zone(self, zone):
        with pytest.raises(InvalidSchedule, match="time zone"):
            schedules.next_run("0 3 * * *", zone, after=utc("2026-01-01"))

    def test_keeps_the_hour_of_the_wall_clock_across_the_change(self):
        assert next_run("0 3 * * *", BERLIN, "2026-03-28 12:00") == "2026-03-29 01:00"
        assert next_run("0 4 * * *", BERLIN, "2026-03-27 12:00") == "2026-03-28 03:00"
        assert next_run("0 4 * * *", BERLIN, "2026-03-28 12:00") == "2026-03-29 02:00"
        assert next_run("0 4 * * *", BERLIN, "2026-10-24 12:00") == "2026-10-25 03:00"


class TestSpringForward:
    """New York, 8 March 2026: 02:00 EST (07:00 UTC) becomes 03:00 EDT."""

    def test_runs_right_after_the_gap_what_falls_into_it(self):
        assert next_run("30 2 * * *", NEW_YORK, "2026-03-08 06:59") == "2026-03-08 07:00"

    def test_runs_it_at_its_own_time_again_the_next_day(self):
        assert next_run("30 2 * * *", NEW_YORK, "2026-03-08 07:00:20") == "2026-03-09 06:30"

    def test_runs_every_hour_without_a_doubled_or_missing_one(self):
        assert next_run("0 * * * *", NEW_YORK, "2026-03-08 06:30") == "2026-03-08 07:00"
        assert next_run("0 * * * *", NEW_YORK, "2026-03-08 07:00:20") == "2026-03-08 08:00"

    def test_moves_half_an_hour_where_the_clock_does(self):
        assert next_run("15 2 * * *", LORD_HOWE, "2026-10-03 15:00") == "2026-10-03 15:30"


class TestFallBack:
    """New York, 1 November 2026: 02:00 EDT (06:00 UTC) becomes 01:00 EST, so 01:30 comes twice."""

    def test_runs_at_the_first_of_the_two_times(self):
        assert next_run("30 1 * * *", NEW_YORK, "2026-11-01 05:00") == "2026-11-01 05:30"

    def test_does_not_run_at_the_second(self):
        assert next_run("30 1 * * *", NEW_YORK, "2026-11-01 05:30:20") == "2026-11-02 06:30"

    def test_is_not_in_the_past_when_asked_within_the_repeated_hour(self):
        assert next_run("30 1 * * *", NEW_YORK, "2026-11-01 06:10") == "2026-11-02 06:30"
        assert next_run("10,30 1 * * *", NEW_YORK, "2026-11-01 06:05") == "2026-11-02 06:10"

    def test_runs_both_times_what_runs_every_hour_or_quarter(self):
        assert next_run("30 * * * *", NEW_YORK, "2026-11-01 05:30:20") == "2026-11-01 06:30"
        assert next_run("*/15 * * * *", NEW_YORK, "2026-11-01 05:45:20") == "2026-11-01 06:00"

    @settings(max_examples=300)
    @given(
        expression=EXPRESSIONS,
        zone=ZONES,
        minutes=st.one_of(
            st.integers(0, 3 * 24 * 60), st.integers(215 * 24 * 60, 218 * 24 * 60), st.integers(0, 525_600)
        ),
    )
    def test_is_always_later_than_the_time_asked_for(self, expression, zone, minutes):
        after = utc("2026-03-28 12:00") + timedelta(minutes=minutes)
        found = schedules.next_run(expression, zone, after=after)
        if found is not None:
            assert found.astimezone(UTC) > after
