from datetime import timedelta

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client
from django.utils import timezone

from registries.models import AuditEvent, SignIn
from tests import factories
from tests.factories import PASSWORD
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


class CountingHasher(MD5PasswordHasher):
    """Counts how often a password is hashed, which is what takes the time."""

    algorithm = "counting"
    count = 0

    def encode(self, password, salt):
        CountingHasher.count += 1
        return super().encode(password, salt)


class TestSignIn:
    def test_shows_a_form_to_strangers(self, client):
        response = client.get("/sign-in/")
        assert response.status_code == 200
        assert b'name="username"' in response.content

    def test_signs_in_and_goes_to_the_overview(self, client, owner):
        response = client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
        assert response.status_code == 302
        assert response.url == "/"
        assert client.get("/").wsgi_request.user == owner

    def test_signs_in_with_the_account_id(self, client, owner):
        data = {"username": "olivia@100000000001", "password": PASSWORD}
        assert client.post("/sign-in/", data).status_code == 302

    def test_goes_on_to_where_the_user_was_going(self, client, owner):
        data = {"username": "olivia", "password": PASSWORD, "next": "/instances/"}
        assert client.post("/sign-in/", data).url == "/instances/"

    def test_leaves_this_console_for_nobody(self, client, owner):
        data = {"username": "olivia", "password": PASSWORD, "next": "https://evil.example/"}
        assert client.post("/sign-in/", data).url == "/"

    def test_gives_one_message_for_every_cause(self, client, owner):
        messages = set()
        for username, password in [("olivia", "wrong"), ("nobody", "wrong")]:
            response = client.post("/sign-in/", {"username": username, "password": password})
            assert response.status_code == 200
            messages.add(text_of(response))
        assert len(messages) == 1
        assert "The username or password is wrong" in messages.pop()

    def test_sends_signed_in_users_on(self, page):
        assert page.get("/sign-in/").status_code == 302

    def test_reloads_the_page_of_a_fragment_whose_session_ended(self, client):
        response = client.get("/sign-in/?next=/", headers={"HX-Request": "true"})
        assert response.headers["HX-Refresh"] == "true"


class TestThrottle:
    def fail(self, client, name="olivia", password="wrong"):
        return text_of(client.post("/sign-in/", {"username": name, "password": password}))

    def test_makes_who_guesses_wait_even_with_the_right_password(self, client, owner):
        for _number in range(5):
            assert "is wrong" in self.fail(client)
        assert "Too many attempts to sign in. Wait 2 seconds and try again." in self.fail(
            client, password=PASSWORD
        )

    def test_tells_nothing_about_who_exists(self, client, owner):
        for _number in range(5):
            self.fail(client), self.fail(client, "nobody")
        assert self.fail(client).partition("Wait")[0] == self.fail(client, "nobody").partition("Wait")[0]

    def test_lets_one_in_after_the_wait_and_forgets(self, client, owner, time_machine):
        for _number in range(5):
            self.fail(client)
        time_machine.move_to(timezone.now() + timedelta(seconds=3))
        data = {"username": "olivia", "password": PASSWORD}
        assert client.post("/sign-in/", data).status_code == 302
        for _number in range(5):
            assert "is wrong" in self.fail(Client())

    def test_makes_an_address_wait_that_tries_many_names(self, client, owner):
        for number in range(20):
            self.fail(client, f"name{number}")
        assert "Too many attempts" in self.fail(client)

    def test_writes_down_what_failed_and_what_did_not(self, client, owner):
        self.fail(client)
        client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
        events = AuditEvent.objects.order_by("pk")
        assert [(event.verb, event.account, event.ip_address) for event in events] == [
            ("session.refused", owner.account, "127.0.0.1"),
            ("session.started", owner.account, "127.0.0.1"),
        ]
        assert PASSWORD not in str(list(events.values()))

    def test_hashes_as_often_for_a_name_that_nobody_has(self, client, owner, settings):
        settings.PASSWORD_HASHERS = ["tests.unit.console.pages.test_session.CountingHasher"]
        owner.set_password(PASSWORD)
        owner.save()
        counts = []
        for name in ("olivia@100000000001", "olivia", "nobody", "nobody@100000000001"):
            CountingHasher.count = 0
            self.fail(client, name)
            counts.append(CountingHasher.count)
        assert counts == [1, 1, 1, 1]


class TestOneTimeLinks:
    @pytest.mark.parametrize("url", ["/invitations/unknown/", "/password-resets/unknown/"])
    def test_are_404_if_they_open_nothing(self, client, url):
        assert client.get(url).status_code == 404
        assert client.post(url, {"password": PASSWORD, "repeated": PASSWORD}).status_code == 404

    def test_end_the_session_of_whoever_was_signed_in_here(self, page, owner):
        reset = factories.make_password_reset(user=factories.make_user(username="mia"), token="T")
        assert "This signs olivia@100000000001 out" in text_of(page.get("/password-resets/T/"))
        page.post("/password-resets/T/", {"password": "another-horse-8", "repeated": "another-horse-8"})
        assert page.get("/").wsgi_request.user == reset.user


class TestSignOut:
    def test_takes_the_session_from_the_list(self, client, owner):
        client.post("/sign-in/", {"username": "olivia", "password": PASSWORD})
        client.post("/sign-out/")
        assert not SignIn.objects.exists()
        assert AuditEvent.objects.latest("pk").verb == "session.ended"

    def test_ends_the_session(self, page):
        assert page.post("/sign-out/").url == "/sign-in/"
        assert page.get("/").status_code == 302

    def test_takes_a_form_not_a_link(self, page):
        assert page.get("/sign-out/").status_code == 405


class TestAdminSignIn:
    def test_sends_strangers_to_the_sign_in_page(self, client):
        assert client.get("/admin/", follow=True).redirect_chain[-1][0] == "/sign-in/?next=/admin/"

    def test_refuses_users_who_are_no_staff(self, page):
        assert page.get("/admin/", follow=True).status_code == 403

    def test_lets_staff_in(self, sign_in):
        assert sign_in(factories.make_staff()).get("/admin/").status_code == 200
