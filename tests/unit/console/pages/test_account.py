import pytest
from django.test import Client

from registries.models import AuditEvent, SignIn
from tests import factories
from tests.factories import PASSWORD
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db

NEW = "another-horse-8"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
PASSWORDS = {"present": PASSWORD, "password": NEW, "repeated": NEW}


def enter(user_agent: str = FIREFOX, password: str = PASSWORD) -> Client:
    client = Client(headers={"User-Agent": user_agent})
    assert client.post("/sign-in/", {"username": "olivia", "password": password}).status_code == 302
    return client


class TestShow:
    def test_tells_account_role_and_sign_in_name(self, page):
        text = text_of(page.get("/account/"))
        assert "Account Example Account ID 100000000001" in text
        assert "olivia@100000000001" in text

    def test_lists_the_own_sessions_and_marks_this_one(self, owner):
        enter("curl/8.5.0")
        factories.make_sign_in()
        client = enter()
        text = text_of(client.get("/account/"))
        assert "Firefox on Linux This session 127.0.0.1" in text
        assert "curl/8.5.0 127.0.0.1" in text
        assert text.count("127.0.0.1") == 2

    def test_is_there_for_staff(self, sign_in):
        assert "Platform staff" in text_of(sign_in(factories.make_staff()).get("/account/"))


class TestEndSession:
    def test_ends_another_session_at_once(self, owner):
        other, client = enter(), enter()
        session = SignIn.objects.order_by("pk")[0]
        client.post("/account/sessions/end/", {"session": session.pk})
        assert other.get("/").status_code == 302
        assert client.get("/").status_code == 200
        assert AuditEvent.objects.latest("pk").verb == "session.ended"

    def test_signs_out_of_this_one(self, owner):
        client = enter()
        response = client.post("/account/sessions/end/", {"session": SignIn.objects.get().pk})
        assert response["Location"] == "/sign-in/"
        assert client.get("/").status_code == 302
        assert not SignIn.objects.exists()

    @pytest.mark.parametrize("session", ["", "x", "-1", "9" * 40, "²"])
    def test_finds_no_other(self, owner, session):
        assert enter().post("/account/sessions/end/", {"session": session}).status_code == 404

    def test_finds_none_of_somebody_else(self, owner):
        foreign = factories.make_sign_in(user=factories.make_user(account=owner.account))
        assert enter().post("/account/sessions/end/", {"session": foreign.pk}).status_code == 404
        assert SignIn.objects.filter(pk=foreign.pk).exists()

    def test_ends_all_others(self, owner):
        others, client = [enter(), enter()], enter()
        response = client.post("/account/sessions/end-others/", follow=True)
        assert "2 sessions have ended." in text_of(response)
        assert {other.get("/").status_code for other in others} == {302}


class TestChangePassword:
    def test_keeps_this_session_and_ends_the_others(self, owner):
        other, client = enter(), enter()
        assert client.post("/account/password/", PASSWORDS)["Location"] == "/account/"
        assert client.get("/account/").status_code == 200
        assert "This session" in text_of(client.get("/account/"))
        assert other.get("/").status_code == 302
        enter(password=NEW)
        assert SignIn.objects.count() == 2
        assert AuditEvent.objects.filter(verb="password.changed").count() == 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"present": "wrong"}, "present"),
            ({"password": "short", "repeated": "short"}, "password"),
            ({"password": "olivia-100", "repeated": "olivia-100"}, "password"),
            ({"repeated": "another"}, "repeated"),
        ],
    )
    def test_shows_errors_at_their_fields_and_changes_nothing(self, page, owner, changes, field):
        response = page.post("/account/password/", PASSWORDS | changes)
        assert list(response.context["form"].errors) == [field]
        owner.refresh_from_db()
        assert owner.check_password(PASSWORD)

    def test_slows_down_who_guesses_the_present_password(self, page):
        for _number in range(5):
            page.post("/account/password/", PASSWORDS | {"present": "wrong"})
        response = page.post("/account/password/", PASSWORDS)
        assert "Too many attempts" in text_of(response)

    def test_takes_the_place_of_the_admin_s_own_page(self, sign_in):
        response = sign_in(factories.make_staff()).get("/admin/password_change/")
        assert "present" in response.context["form"].fields
