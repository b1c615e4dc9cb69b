"""Quantities as people type them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncjobs import quantities


class TestParseSpan:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [("90", 90), ("90 s", 90), ("30m", 1800), ("30 min", 1800), ("24h", 86_400), ("7 d", 604_800)],
    )
    def test_reads(self, text, seconds):
        assert quantities.parse_span(text) == seconds

    @pytest.mark.parametrize("text", ["", "soon", "1.5h", "-1", "1 week", "h"])
    def test_refuses(self, text):
        with pytest.raises(ValueError):  # noqa: PT011 - the class is the message
            quantities.parse_span(text)

    @given(st.integers(min_value=0, max_value=10**8))
    def test_reads_back_what_it_shows(self, number):
        assert quantities.parse_span(quantities.show_span(number)) == number
