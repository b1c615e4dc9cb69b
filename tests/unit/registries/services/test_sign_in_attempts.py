"""The throttle of signing in: growing delays, per name and per address."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from registries import origin
from registries.models import AuditEvent, SignInThrottle
from registries.services import sign_in_attempts
from registries.services.sign_in_attempts import BY_ADDRESS, BY_NAME, WINDOW, TooManyAttempts
from tests.factories import make_account, make_user

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def address():
    token = origin.client_address.set("192.0.2.7")
    yield
    origin.client_address.reset(token)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def wait_after(*, name: str, now: datetime) -> int:
    with pytest.raises(TooManyAttempts) as caught:
        sign_in_attempts.begin(name=name, now=now)
    return caught.value.wait_seconds


class TestPace:
    @pytest.mark.parametrize(
        ("count", "seconds"),
        [(0, 0), (4, 0), (5, 2), (6, 4), (7, 8), (11, 128), (12, 256), (13, 300), (10_000, 300)],
    )
    def test_doubles_the_delay_of_a_name_up_to_five_minutes(self, count, seconds):
        assert BY_NAME.delay(count) == timedelta(seconds=seconds)

    @pytest.mark.parametrize(("count", "seconds"), [(19, 0), (20, 2), (29, 900), (10_000, 900)])
    def test_lets_more_come_from_one_address(self, count, seconds):
        assert BY_ADDRESS.delay(count) == timedelta(seconds=seconds)


@pytest.mark.django_db
class TestBegin:
    def test_delays_a_name_after_five_attempts_and_each_time_longer(self):
        for _number in range(5):
            sign_in_attempts.begin(name="olivia", now=NOW)
        assert wait_after(name="olivia", now=NOW) == 2
        sign_in_attempts.begin(name="olivia", now=at(2))
        assert wait_after(name="olivia", now=at(2)) == 4

    def test_does_not_count_what_it_refuses(self):
        for _number in range(5):
            sign_in_attempts.begin(name="olivia", now=NOW)
        for _number in range(10):
            wait_after(name="olivia", now=NOW)
        sign_in_attempts.begin(name="olivia", now=at(2))

    def test_keeps_names_apart_but_not_their_spelling(self):
        for _number in range(5):
            sign_in_attempts.begin(name="olivia", now=NOW)
        sign_in_attempts.begin(name="oliver", now=NOW)
        assert wait_after(name=" OLIVIA ", now=NOW) == 2

    def test_delays_an_address_that_tries_many_names(self, address):
        for number in range(20):
            sign_in_attempts.begin(name=f"name{number}", now=NOW)
        assert wait_after(name="another", now=NOW) == 2

    def test_counts_the_network_of_an_ipv6_address(self):
        for number in range(20):
            token = origin.client_address.set(f"2001:db8:1:2::{number:x}")
            sign_in_attempts.begin(name=f"name{number}", now=NOW)
            origin.client_address.reset(token)
        token = origin.client_address.set("2001:db8:1:2:ffff::1")
        try:
            assert wait_after(name="another", now=NOW) == 2
        finally:
            origin.client_address.reset(token)

    def test_begins_anew_after_an_hour_of_rest(self):
        for _number in range(5):
            sign_in_attempts.begin(name="olivia", now=NOW)
        sign_in_attempts.begin(name="olivia", now=NOW + WINDOW + timedelta(seconds=3))
        assert SignInThrottle.objects.get().attempt_count == 1

    def test_stores_no_name(self):
        sign_in_attempts.begin(name="olivia", now=NOW)
        assert "olivia" not in str(list(SignInThrottle.objects.values()))


@pytest.mark.django_db
class TestSucceed:
    def test_forgets_the_name_but_not_what_else_failed_at_the_address(self, address):
        for number in range(10):
            sign_in_attempts.begin(name=f"name{number}", now=NOW)
        attempt = sign_in_attempts.begin(name="olivia", now=NOW)
        sign_in_attempts.succeed(attempt, now=NOW)
        counts = dict(SignInThrottle.objects.values_list("key", "attempt_count"))
        assert counts["address:192.0.2.7"] == 10
        assert sorted(counts.values()) == [0, *[1] * 10, 10]


@pytest.mark.django_db
class TestFail:
    def test_tells_the_account_of_the_one_user_who_was_meant(self):
        user = make_user(username="olivia")
        attempt = sign_in_attempts.begin(name="olivia", now=NOW)
        sign_in_attempts.fail(attempt, now=NOW)
        event = AuditEvent.objects.get()
        assert (event.verb, event.account, event.target_name) == ("session.refused", user.account, user.login)
        assert (event.actor, event.actor_name) == (None, "unknown")

    @pytest.mark.parametrize("name", ["hunter2-is-my-password", "olivia"])
    def test_tells_no_account_of_a_name_that_nobody_or_several_have(self, name):
        make_user(username="olivia", account=make_account())
        make_user(username="olivia", account=make_account())
        sign_in_attempts.fail(sign_in_attempts.begin(name=name, now=NOW), now=NOW)
        event = AuditEvent.objects.get()
        assert event.account is None
        assert name not in str(AuditEvent.objects.values().get())


@pytest.mark.django_db(transaction=True)
def test_attempts_at_the_same_moment_count_one_by_one():
    def attempt(_number: int) -> bool:
        try:
            sign_in_attempts.begin(name="olivia", now=NOW)
        except TooManyAttempts:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 5
