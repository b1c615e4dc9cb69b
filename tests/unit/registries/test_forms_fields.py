"""Fields that more than one form needs."""

from hypothesis import given
from hypothesis import strategies as st

from registries import bandwidth
from registries.forms.fields import show_rate


class TestShowRate:
    @given(st.integers(min_value=1, max_value=10**12))
    def test_can_be_read_back(self, number):
        assert bandwidth.parse_rate(show_rate(number)) == number

    def test_prefers_large_units(self):
        assert [show_rate(number) for number in (10_000_000, 1_500_000, 2_000, 1_001)] == [
            "10 MB/s",
            "1500 kB/s",
            "2 kB/s",
            "1001 B/s",
        ]
