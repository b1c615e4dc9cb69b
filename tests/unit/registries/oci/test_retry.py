import pytest

from registries.oci.errors import ConnectionCut, Forbidden, NotFound, ServerError, Throttled
from registries.oci.retry import RetryPolicy, delay_before_retry, parse_retry_after

POLICY = RetryPolicy(attempts=4, first_delay_seconds=1.0, max_delay_seconds=3.0, throttled_attempts=2)
NOW = 784_887_000.0  # 1994-11-15T08:10:00Z


class TestDelayBeforeRetry:
    @pytest.mark.parametrize(("attempt", "delay"), [(1, 1.0), (2, 2.0), (3, 3.0)])
    def test_doubles_up_to_the_maximum(self, attempt, delay):
        assert delay_before_retry(attempt, ServerError(), POLICY, 1.0) == delay

    def test_is_spread_over_its_second_half(self):
        assert delay_before_retry(1, ServerError(), POLICY, 0.0) == 0.5
        assert delay_before_retry(1, ServerError(), POLICY, 0.5) == 0.75

    def test_gives_up_after_the_last_attempt(self):
        assert delay_before_retry(4, ConnectionCut(), POLICY, 0.5) is None

    @pytest.mark.parametrize("error", [NotFound(), Forbidden()])
    def test_does_not_repeat_what_cannot_succeed(self, error):
        assert delay_before_retry(1, error, POLICY, 0.5) is None

    def test_leaves_the_waiting_for_a_throttled_registry_to_the_limiter(self):
        assert delay_before_retry(1, Throttled(retry_at=NOW), POLICY, 0.0) == 0.0
        assert delay_before_retry(1, Throttled(retry_at=NOW), POLICY, 1.0) == POLICY.first_delay_seconds
        assert delay_before_retry(2, Throttled(retry_at=NOW), POLICY, 0.5) is None


class TestParseRetryAfter:
    @pytest.mark.parametrize(
        ("value", "moment"),
        [
            ("120", NOW + 120),
            (" 0 ", NOW),
            ("1.5", NOW + 1.5),
            ("86400", NOW + 86_400),
            ("Tue, 15 Nov 1994 08:12:31 GMT", NOW + 151),
            ("Tuesday, 15-Nov-94 08:12:31 GMT", NOW + 151),
        ],
    )
    def test_understands_seconds_and_dates_without_a_cap(self, value, moment):
        assert parse_retry_after(value, NOW) == moment

    def test_takes_a_date_in_the_past_for_now(self):
        assert parse_retry_after("Mon, 14 Nov 1994 08:12:31 GMT", NOW) == NOW

    @pytest.mark.parametrize(
        "value", [None, "", "soon", "-5", "1e9", "٣", "Tue, 99 Nov 1994 08:12:31 GMT", "."]
    )
    def test_returns_none_for_what_it_cannot_read(self, value):
        assert parse_retry_after(value, NOW) is None
