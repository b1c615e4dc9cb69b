"""The list of sessions, and their end."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.utils import timezone

from registries import origin
from registries.models import AuditEvent, SignIn
from registries.services import sign_ins
from tests.factories import make_sign_in, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return make_user()


@pytest.fixture
def now():
    return timezone.now()


class TestBegin:
    def test_notes_device_and_address(self, user, now):
        token = origin.client_address.set("192.0.2.7")
        try:
            sign_in = sign_ins.begin(user=user, session_key="k", user_agent="Fire\0fox" + "x" * 500, now=now)
        finally:
            origin.client_address.reset(token)
        sign_in.refresh_from_db()
        assert (sign_in.ip_address, sign_in.user_agent[:8], len(sign_in.user_agent)) == (
            "192.0.2.7",
            "Firefoxx",
            255,
        )
        assert AuditEvent.objects.get().verb == "session.started"

    def test_clears_away_what_has_expired(self, user, now):
        old, other = make_sign_in(user=user), make_sign_in()
        Session.objects.update(expire_date=now - timedelta(seconds=1))
        sign_ins.begin(user=user, session_key="k", user_agent="", now=now)
        assert not SignIn.objects.filter(pk=old.pk).exists()
        assert SignIn.objects.filter(pk=other.pk).exists()


class TestListOpen:
    def test_lists_the_user_s_own_sessions_that_are_open(self, user, now):
        first = make_sign_in(user=user)
        latest = make_sign_in(user=user, last_seen_at=now + timedelta(minutes=1))
        gone, expired = make_sign_in(user=user), make_sign_in(user=user)
        make_sign_in()
        Session.objects.filter(session_key=gone.session_key).delete()
        Session.objects.filter(session_key=expired.session_key).update(expire_date=now)
        assert list(sign_ins.list_open(user, now)) == [latest, first]


class TestEnd:
    def test_ends_one_session(self, user, now):
        ended, kept = make_sign_in(user=user), make_sign_in(user=user)
        sign_ins.end(sign_in=ended, by=user, now=now)
        assert list(Session.objects.values_list("session_key", flat=True)) == [kept.session_key]
        assert list(SignIn.objects.all()) == [kept]
        assert AuditEvent.objects.get().verb == "session.ended"

    def test_ends_none_of_somebody_else(self, user, now):
        other = make_sign_in()
        sign_ins.end(sign_in=other, by=user, now=now)
        assert Session.objects.count() == 1

    def test_ends_all_others(self, user, now):
        kept, stranger = make_sign_in(user=user), make_sign_in()
        make_sign_in(user=user), make_sign_in(user=user)
        assert sign_ins.end_others(user=user, kept_session=kept.session_key, now=now) == 2
        assert set(SignIn.objects.all()) == {kept, stranger}
        assert AuditEvent.objects.get().changes == {"sessions": 2}


class TestSee:
    def test_notes_that_the_session_is_in_use_and_tells_if_it_was_ended(self, user, now):
        sign_in = make_sign_in(user=user)
        later = now + timedelta(minutes=5)
        assert sign_ins.see(sign_in_id=sign_in.pk, now=later)
        sign_in.refresh_from_db()
        assert sign_in.last_seen_at == later
        sign_in.delete()
        assert not sign_ins.see(sign_in_id=sign_in.pk or 0, now=later)
