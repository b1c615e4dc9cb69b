"""Idempotency keys: an act and its answer are stored together, or not at all."""

from datetime import UTC, datetime, timedelta

import pytest

from registries.models import Account, StoredAnswer
from registries.services import stored_answers
from registries.services.stored_answers import Answer, KeyReused
from tests.factories import make_account, make_user

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


@pytest.fixture
def user():
    return make_user()


def ask(user, *, key="k", request="r", now=NOW, fails=False):
    def act() -> Answer:
        account = make_account(name="made")
        if fails:
            raise ValueError
        return Answer(202, {"id": account.pk})

    return stored_answers.once(user=user, key=key, request_digest=request, act=act, now=now)


def made_count() -> int:
    return Account.objects.filter(name="made").count()


class TestOnce:
    def test_acts_once_and_answers_the_same_again(self, user):
        first, second = ask(user), ask(user)
        assert first.body == second.body
        assert (first.is_repeated, second.is_repeated) == (False, True)
        assert made_count() == 1

    def test_refuses_a_key_for_another_request(self, user):
        ask(user)
        with pytest.raises(KeyReused):
            ask(user, request="other")
        assert made_count() == 1

    def test_keeps_nothing_if_the_act_fails(self, user):
        with pytest.raises(ValueError):  # noqa: PT011
            ask(user, fails=True)
        assert not StoredAnswer.objects.exists()
        assert made_count() == 0
        assert not ask(user).is_repeated

    def test_forgets_after_a_day(self, user):
        ask(user)
        assert ask(user, now=NOW + stored_answers.KEPT - timedelta(seconds=1)).is_repeated
        assert not ask(user, now=NOW + stored_answers.KEPT).is_repeated

    def test_keeps_users_apart(self, user):
        ask(user)
        assert not ask(make_user(account=user.account)).is_repeated
