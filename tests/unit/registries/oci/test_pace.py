import pytest
from hypothesis import given
from hypothesis import strategies as st

from registries.oci.pace import Pace


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class TestReserve:
    def test_lets_a_burst_of_one_second_pass_at_once(self):
        pace = Pace(10, Clock())
        assert [pace.reserve(1) for _ in range(10)] == [0.0] * 10
        assert pace.reserve(1) == pytest.approx(0.1)

    def test_queues_later_comers_behind_earlier_ones(self):
        pace = Pace(10, Clock(), burst_seconds=0)
        assert [pace.reserve(1) for _ in range(3)] == pytest.approx([0.1, 0.2, 0.3])

    def test_lets_one_large_portion_pass_in_proportion(self):
        pace = Pace(100, Clock(), burst_seconds=0)
        assert pace.reserve(1000) == pytest.approx(10.0)

    def test_does_not_save_up_more_than_the_burst(self):
        clock = Clock()
        pace = Pace(1, clock, burst_seconds=1)
        clock.now = 1000.0
        assert pace.reserve(1) == 0.0
        assert pace.reserve(1) == pytest.approx(1.0)

    def test_follows_another_rate(self):
        pace = Pace(10, Clock(), burst_seconds=0)
        pace.set_rate(100)
        assert pace.reserve(1) == pytest.approx(0.01)

    @given(st.lists(st.tuples(st.floats(0, 5), st.integers(1, 50)), max_size=30), st.integers(1, 20))
    def test_never_lets_more_pass_than_rate_and_burst_allow(self, steps, rate):
        clock = Clock()
        pace = Pace(rate, clock)
        spent = 0
        for pause, units in steps:
            clock.now += pause
            allowed_at = clock.now + pace.reserve(units)
            spent += units
            assert spent <= rate * (allowed_at + 1) + 1e-6
