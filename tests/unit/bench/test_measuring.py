import pytest

from bench.measuring import in_turns, median
from bench.processes import Sample
from bench.tools.task import Run


def run_of(seconds: float) -> Run:
    return Run(Sample(seconds, 0.1, 1))


class TestMedian:
    @pytest.mark.parametrize(
        ("seconds", "middle"), [([3.0], 3.0), ([5.0, 1.0, 2.0], 2.0), ([4.0, 1.0, 2.0, 3.0], 3.0)]
    )
    def test_is_the_run_in_the_middle(self, seconds: list[float], middle: float) -> None:
        assert median([run_of(each) for each in seconds]).sample.wall_seconds == middle


class TestInTurns:
    def test_lets_tools_alternate_and_slow_ones_stop_early(self) -> None:
        calls = []

        def once(tool: str, number: int) -> Run:
            calls.append((tool, number))
            return run_of(1.0)

        found = in_turns({"regatta": 2, "skopeo": 1, "floor": 2}, once)

        assert calls == [("regatta", 0), ("skopeo", 0), ("floor", 0), ("regatta", 1), ("floor", 1)]
        assert {tool: len(runs) for tool, runs in found.items()} == {"regatta": 2, "skopeo": 1, "floor": 2}
