import pytest

from registries.oci.breaker import CredentialsBreaker
from registries.oci.errors import Unauthorized


class TestCredentialsBreaker:
    @pytest.fixture
    def clock(self):
        return [0.0]

    @pytest.fixture
    def breaker(self, clock):
        return CredentialsBreaker(threshold=3, forbidden_threshold=5, open_seconds=60, clock=lambda: clock[0])

    def refuse(self, breaker, *scopes):
        for scope in scopes:
            breaker.refused(scope, "wrong password")

    def test_opens_after_refusals_in_several_scopes(self, breaker):
        self.refuse(breaker, "a", "b")
        breaker.check()
        self.refuse(breaker, "c")
        assert breaker.is_open
        with pytest.raises(Unauthorized, match="wrong password"):
            breaker.check()

    def test_counts_a_scope_once(self, breaker):
        self.refuse(breaker, "a", "a", "a", "a")
        assert not breaker.is_open

    def test_starts_anew_after_a_success(self, breaker):
        self.refuse(breaker, "a", "b")
        breaker.accepted()
        self.refuse(breaker, "c", "d")
        assert not breaker.is_open

    def test_closes_by_itself_and_opens_at_the_next_refusal(self, breaker, clock):
        self.refuse(breaker, "a", "b", "c")
        clock[0] = 60.0
        breaker.check()
        self.refuse(breaker, "a")
        assert breaker.is_open

    def test_is_closed_by_a_success(self, breaker):
        self.refuse(breaker, "a", "b", "c")
        breaker.accepted()
        breaker.check()

    def test_bears_with_missing_rights_for_longer(self, breaker):
        for scope in "abcd":
            breaker.forbidden(scope, "forbidden")
        assert not breaker.is_open
        breaker.forbidden("e", "forbidden")
        assert breaker.is_open
