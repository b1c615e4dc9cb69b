"""A limit holds over all processes, costs few writes, and says when to come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from registries import throttling
from registries.models import ThrottleWindow
from registries.throttling import Limit, Throttle, TooManyRequests

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, 15, tzinfo=UTC)
NEXT_WINDOW = NOW + timedelta(seconds=45)


def passed(throttle: Throttle, limit: Limit, attempts: int, *, caller: str = "x", now: datetime = NOW) -> int:
    """Return how many of the attempts were let through."""
    count = 0
    for _attempt in range(attempts):
        try:
            throttle.check(limit, caller, now=now)
        except TooManyRequests:
            continue
        count += 1
    return count


class TestThrottle:
    @pytest.mark.parametrize("count", [1, 7, 20, 100])
    def test_lets_through_as_many_as_the_limit_says(self, count):
        assert passed(Throttle(), Limit("l", count), 150) == count

    def test_says_how_long_the_window_lasts(self):
        throttle = Throttle()
        throttle.check(Limit("l", 1), "x", now=NOW)
        with pytest.raises(TooManyRequests) as caught:
            throttle.check(Limit("l", 1), "x", now=NOW)
        assert caught.value.wait_seconds == 45

    def test_begins_anew_with_the_next_window(self):
        throttle = Throttle()
        assert passed(throttle, Limit("l", 5), 10) == 5
        assert passed(throttle, Limit("l", 5), 10, now=NEXT_WINDOW) == 5

    def test_keeps_callers_and_limits_apart(self):
        throttle = Throttle()
        assert passed(throttle, Limit("l", 3), 9) == 3
        assert passed(throttle, Limit("l", 3), 9, caller="y") == 3
        assert passed(throttle, Limit("other", 3), 9) == 3

    def test_is_none_with_a_count_of_0(self):
        assert passed(Throttle(), Limit("l", 0), 50) == 50
        assert not ThrottleWindow.objects.exists()

    def test_holds_over_several_processes(self):
        processes = [Throttle() for _number in range(3)]
        limit = Limit("l", 60)
        let_through = 0
        for _round in range(60):
            let_through += sum(passed(process, limit, 1) for process in processes)
        assert let_through == 60

    def test_holds_when_a_process_starts_anew(self):
        limit = Limit("l", 40)
        first = passed(Throttle(), limit, 10)
        assert first + passed(Throttle(), limit, 100) <= 40

    def test_writes_a_twentieth_as_often_as_it_is_asked(self, django_assert_max_num_queries):
        with django_assert_max_num_queries(20 * 4 + 10):
            assert passed(Throttle(), Limit("l", 400), 400) == 400

    def test_asks_the_database_no_more_once_the_window_is_empty(self, django_assert_num_queries):
        throttle = Throttle()
        passed(throttle, Limit("l", 2), 5)
        with django_assert_num_queries(0):
            assert passed(throttle, Limit("l", 2), 5) == 0

    def test_forgets_callers_rather_than_grow_without_end(self, monkeypatch):
        monkeypatch.setattr(throttling, "_MOST_CALLERS", 10)
        throttle = Throttle()
        for number in range(50):
            throttle.check(Limit("l", 5), f"caller-{number}", now=NOW)
        assert len(throttle._purses) <= 10
        assert passed(throttle, Limit("l", 5), 9, caller="caller-0") <= 4

    def test_does_not_give_a_clock_that_runs_behind_a_window_of_its_own(self):
        limit = Limit("l", 3)
        assert passed(Throttle(), limit, 3, now=NEXT_WINDOW) == 3
        assert passed(Throttle(), limit, 3, now=NOW) == 0


class TestPrune:
    def test_deletes_windows_that_ended_long_ago(self):
        Throttle().check(Limit("l", 3), "old", now=NOW - timedelta(hours=2))
        Throttle().check(Limit("l", 3), "new", now=NOW)
        assert throttling.prune(now=NOW) == 1
        assert ThrottleWindow.objects.get().name == "l:new"
        assert throttling.prune(now=NOW) == 0
