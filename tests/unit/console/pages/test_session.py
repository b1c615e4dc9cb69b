import pytest

from tests import factories
from tests.factories import PASSWORD
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


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


class TestSignOut:
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
