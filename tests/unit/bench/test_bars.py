from bench import bars
from bench.bars import Bar
from bench.results import Result

RESULTS = [Result("small", "skopeo", 10.0), Result("small", "regatta", 4.0), Result("small", "floor", 2.0)]


def verdict(bar: Bar) -> tuple[float | None, bool]:
    (found,) = bars.judge([bar], RESULTS)
    return found.figure, found.is_kept


class TestFasterThan:
    def test_is_kept_at_exactly_the_promised_ratio(self) -> None:
        assert verdict(bars.faster_than("small", "skopeo", 2.5)) == (2.5, True)

    def test_is_missed_below_it(self) -> None:
        assert verdict(bars.faster_than("small", "skopeo", 2.6)) == (2.5, False)


class TestAtMostTimes:
    def test_is_kept_up_to_the_promised_ratio(self) -> None:
        assert verdict(bars.at_most_times("small", "floor", 2.0)) == (2.0, True)

    def test_is_missed_above_it(self) -> None:
        assert verdict(bars.at_most_times("small", "floor", 1.5)) == (2.0, False)


class TestJudge:
    def test_misses_a_bar_whose_peer_was_not_measured(self) -> None:
        assert verdict(bars.faster_than("small", "crane", 1.0)) == (None, False)

    def test_leaves_out_workloads_that_were_not_measured(self) -> None:
        assert bars.judge([bars.faster_than("wan", "skopeo", 40)], RESULTS) == []
