from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from registries.models import SignIn
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(owner):
    client = Client()
    client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
    return client


class TestSignInMiddleware:
    def test_notes_once_a_minute_that_the_session_is_in_use(self, client, time_machine):
        begun = SignIn.objects.get().last_seen_at
        time_machine.move_to(begun + timedelta(seconds=30))
        client.get("/")
        assert SignIn.objects.get().last_seen_at == begun
        time_machine.move_to(begun + timedelta(seconds=61))
        client.get("/")
        assert SignIn.objects.get().last_seen_at > begun

    def test_ends_a_session_whose_sign_in_is_gone(self, client, time_machine):
        SignIn.objects.all().delete()
        time_machine.move_to(timezone.now() + timedelta(seconds=61))
        assert client.get("/").status_code == 302

    def test_costs_no_query_within_the_minute(self, client, page, django_assert_num_queries):
        with django_assert_num_queries(2):  # the session and the user
            client.get("/no-such-page")
