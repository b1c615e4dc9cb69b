import re

import pytest
from django.test import Client

from registries.models import AuditEvent, Grant, Invitation, Role, User
from tests import factories
from tests.factories import PASSWORD
from tests.unit.console.reading import get_fragment, table_heads, text_of

pytestmark = pytest.mark.django_db

URL = "/account/users/"
NEW = "another-horse-8"


@pytest.fixture
def member(account):
    return factories.make_user(account=account, username="mia", role=Role.OPERATOR, email="mia@example.com")


@pytest.fixture
def admin_page(account, sign_in):
    return sign_in(factories.make_user(account=account, username="adam", role=Role.ADMIN))


def link_in(response) -> str:
    """Return the path of the one-time link that the page shows."""
    found = re.search(r'id="one-time-link">http://127\.0\.0\.1:8080([^<]+)<', response.content.decode())
    assert found
    return found[1]


def of(user: User, *parts: object) -> str:
    return URL + "/".join(map(str, (user.pk, *parts))) + "/"


class TestListPage:
    def test_shows_the_users_of_the_account_with_what_one_wants_to_know(self, page, member, source):
        factories.make_grant(user=member, instance=source)
        factories.make_user(username="stranger")
        response = page.get(URL)
        assert table_heads(response) == ["Name", "Role", "Email", "Grants", "Last sign-in", "Status"]
        text = text_of(response)
        assert "mia mia@100000000001 Operator mia@example.com 1 Never Active" in text
        assert "stranger" not in text

    def test_searches_names_and_mail_addresses(self, page, member):
        text = text_of(get_fragment(page, f"{URL}?q=MIA@EX", "users-table"))
        assert "mia" in text
        assert "olivia" not in text

    def test_asks_for_all_grants_at_once(self, page, account, django_assert_max_num_queries):
        for _number in range(20):
            factories.make_user(account=account)
        with django_assert_max_num_queries(7):
            page.get(URL)

    @pytest.mark.parametrize("role", [Role.OPERATOR, Role.VIEWER])
    def test_is_for_administrators(self, account, sign_in, member, role):
        client = sign_in(factories.make_user(account=account, role=role))
        for url in (URL, URL + "invite/", of(member)):
            assert client.get(url).status_code == 403
        assert b"/account/users/" not in client.get("/").content

    def test_shows_staff_everybody(self, sign_in, member):
        client = sign_in(factories.make_staff())
        assert "Example (100000000001)" in text_of(client.get(URL))
        assert client.get(of(member)).status_code == 200
        assert client.get(URL + "invite/").status_code == 403


class TestInvite:
    def test_shows_the_link_once_and_stores_it_nowhere(self, page):
        response = page.post(URL + "invite/", {"username": "guest", "role": "operator", "email": ""})
        token = link_in(response).split("/")[-2]
        assert "no-store" in response.headers["Cache-Control"]
        assert token not in page.get(URL).content.decode()
        assert token not in str(list(Invitation.objects.values()) + list(AuditEvent.objects.values()))
        assert "guest Operator – olivia" in text_of(page.get(URL))

    def test_lets_the_invited_choose_a_password_and_signs_them_in(self, page, account):
        link = link_in(page.post(URL + "invite/", {"username": "guest", "role": "operator"}))
        guest = Client()
        assert "You are invited to Example as Operator." in text_of(guest.get(link))
        assert guest.get(link).status_code == 200, "to look at it does not use it up"
        assert guest.post(link, {"password": NEW, "repeated": NEW})["Location"] == "/"
        assert guest.get("/").status_code == 200
        user = User.objects.get(login="guest@100000000001")
        assert (user.role, user.account) == ("operator", account)
        assert guest.get(link).status_code == 404
        assert Client().post(link, {"password": PASSWORD, "repeated": PASSWORD}).status_code == 404

    @pytest.mark.parametrize(
        ("password", "repeated", "message"),
        [
            ("short", "short", "too short"),
            ("guest-guest-guest", "guest-guest-guest", "too similar"),
            ("password1234", "password1234", "too common"),
            (NEW, "another-horse-9", "differ"),
            ("", "", "required"),
        ],
    )
    def test_refuses_weak_and_mistyped_passwords(self, page, password, repeated, message):
        link = link_in(page.post(URL + "invite/", {"username": "guest-guest-guest", "role": "viewer"}))
        response = Client().post(link, {"password": password, "repeated": repeated})
        assert response.status_code == 200
        assert message in text_of(response)
        assert Invitation.objects.exists()

    def test_offers_no_role_above_the_own(self, admin_page):
        assert b'value="owner"' not in admin_page.get(URL + "invite/").content
        response = admin_page.post(URL + "invite/", {"username": "guest", "role": "owner"})
        assert "role" in response.context["form"].errors
        assert not Invitation.objects.exists()

    @pytest.mark.parametrize("username", ["", "a b", "a@b", "olivia", "x" * 101, "a\0b"])
    def test_shows_errors_at_the_username(self, page, username):
        response = page.post(URL + "invite/", {"username": username, "role": "viewer"})
        assert list(response.context["form"].errors) == ["username"]

    def test_can_be_withdrawn(self, page):
        link = link_in(page.post(URL + "invite/", {"username": "guest", "role": "viewer"}))
        page.post(f"{URL}invitations/{Invitation.objects.get().pk}/delete/")
        assert Client().get(link).status_code == 404
        assert AuditEvent.objects.latest("pk").verb == "invitation.deleted"

    def test_hides_invitations_of_other_accounts(self, page):
        foreign = factories.make_invitation()
        assert page.post(f"{URL}invitations/{foreign.pk}/delete/").status_code == 404
        assert foreign.username not in text_of(page.get(URL))


class TestDetail:
    def test_changes_role_and_email(self, page, member):
        assert page.post(of(member), {"role": "viewer", "email": "new@example.com"}).url == of(member)
        member.refresh_from_db()
        assert (member.role, member.email) == ("viewer", "new@example.com")
        assert AuditEvent.objects.get().verb == "user.updated"

    def test_keeps_the_last_owner(self, page, owner):
        response = page.post(of(owner), {"role": "viewer", "email": ""})
        assert "last owner" in text_of(response)
        owner.refresh_from_db()
        assert owner.role == Role.OWNER

    def test_leads_an_owner_who_stepped_down_elsewhere(self, page, owner, account):
        factories.make_user(account=account, role=Role.OWNER)
        assert page.post(of(owner), {"role": "viewer", "email": ""}).url == "/"

    @pytest.mark.parametrize("act", ["", "disable/", "reset-password/", "grants/"])
    def test_keeps_owners_from_administrators(self, admin_page, owner, source, act):
        data = {"role": "viewer", "instance_id": source.instance_id, "permission": "view"}
        admin_page.post(of(owner) + act, data)
        owner.refresh_from_db()
        assert (owner.role, owner.is_active, owner.check_password(PASSWORD)) == (Role.OWNER, True, True)
        assert not AuditEvent.objects.exists()
        assert "Only an owner of the account may change an owner." in text_of(admin_page.get(of(owner)))

    def test_is_404_for_users_elsewhere(self, page):
        for user in (factories.make_user(), factories.make_staff()):
            assert page.get(of(user)).status_code == 404


class TestDisable:
    def test_ends_the_sessions_and_refuses_the_password_until_enabled(self, page, member):
        client = Client()
        credentials = {"username": "mia", "password": PASSWORD}
        client.post("/sign-in/", credentials)
        assert client.get("/").status_code == 200
        page.post(of(member) + "disable/")
        assert client.get("/").status_code == 302
        assert client.post("/sign-in/", credentials).status_code == 200
        page.post(of(member) + "enable/")
        assert client.get("/").status_code == 302, "the ended session does not come back"
        assert client.post("/sign-in/", credentials).status_code == 302

    def test_tells_why_it_does_not_disable_oneself(self, page, owner):
        response = page.post(of(owner) + "disable/", follow=True)
        assert "You cannot disable yourself." in text_of(response)


class TestResetPassword:
    def test_gives_a_link_by_which_the_user_chooses_another(self, page, member):
        client = Client()
        client.post("/sign-in/", {"username": "mia", "password": PASSWORD})
        link = link_in(page.post(of(member) + "reset-password/"))
        assert client.get("/").status_code == 302
        assert client.post("/sign-in/", {"username": "mia", "password": PASSWORD}).status_code == 200
        assert "no new one is chosen yet" in text_of(page.get(of(member)))
        assert client.post(link, {"password": NEW, "repeated": NEW})["Location"] == "/"
        assert client.get("/").status_code == 200
        assert Client().post("/sign-in/", {"username": "mia", "password": NEW}).status_code == 302
        assert client.get(link).status_code == 404


class TestGrants:
    def test_are_given_changed_and_removed(self, page, member, source):
        page.post(of(member, "grants"), {"instance_id": source.instance_id, "permission": "manage"})
        page.post(of(member, "grants"), {"instance_id": source.instance_id, "permission": "push"})
        grant = Grant.objects.get()
        assert (grant.user, grant.permission) == (member, "push")
        assert "source" in text_of(page.get(of(member)))
        page.post(of(member, "grants", grant.pk, "remove"))
        assert not Grant.objects.exists()
        assert AuditEvent.objects.count() == 3

    def test_refuse_instances_of_other_accounts_at_the_field(self, page, member):
        foreign = factories.make_instance()
        data = {"instance_id": foreign.instance_id, "permission": "view"}
        response = page.post(of(member, "grants"), data)
        assert list(response.context["grant_form"].errors) == ["instance_id"]
        assert foreign.name not in text_of(response)

    def test_are_found_under_their_user_only(self, page, member, owner, source):
        grant = factories.make_grant(user=member, instance=source)
        assert page.post(of(owner, "grants", grant.pk, "remove")).status_code == 404
