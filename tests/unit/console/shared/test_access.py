import pytest
from django.contrib.auth import authenticate
from django.http import Http404

from console.shared import access
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def sign_in(name, password=PASSWORD):
    return authenticate(None, username=name, password=password)


class TestAccountBackend:
    def test_knows_username_at_account_id(self, account, owner):
        assert sign_in("olivia@100000000001") == owner

    def test_knows_the_bare_username_of_a_single_user(self, owner):
        assert sign_in("olivia") == owner

    def test_picks_the_namesake_whose_password_it_is(self, owner):
        other = factories.make_user(username="olivia", password="another-horse-8")
        assert sign_in("olivia", "another-horse-8") == other

    def test_asks_for_the_account_when_two_namesakes_share_the_password(self, owner):
        factories.make_user(username="olivia")
        assert sign_in("olivia") is None
        assert sign_in("olivia@100000000001") == owner

    def test_tries_nobody_beyond_four_namesakes(self, owner):
        for number in range(4):
            factories.make_user(username="olivia", password=f"another-horse-{number}")
        assert sign_in("olivia") is None

    def test_knows_staff_by_their_sign_in_name(self):
        staff = factories.make_staff(login="operator")
        assert sign_in("operator") == staff

    @pytest.mark.parametrize("password", ["", "wrong", PASSWORD.upper()])
    def test_refuses_a_wrong_password(self, owner, password):
        assert sign_in("olivia", password) is None

    def test_refuses_an_unknown_name(self, owner):
        assert sign_in("oliver") is None
        assert sign_in("olivia@999") is None

    def test_refuses_an_inactive_user(self, owner):
        owner.is_active = False
        owner.save()
        assert sign_in("olivia") is None

    def test_refuses_users_of_an_inactive_account(self, account, owner):
        account.is_active = False
        account.save()
        assert sign_in("olivia@100000000001") is None

    def test_ends_the_sessions_of_an_inactive_account(self, account, page):
        assert page.get("/").status_code == 200
        account.is_active = False
        account.save()
        assert page.get("/").status_code == 302

    def test_hashes_once_for_a_name_that_nobody_has(self, owner, monkeypatch):
        hashed = []
        monkeypatch.setattr(
            "registries.models.User.set_password", lambda user, password: hashed.append(password)
        )
        sign_in("nobody", "guess")
        assert hashed == ["guess"]


class TestGetInstanceOr404:
    def test_finds_an_instance_of_the_own_account(self, owner, source):
        assert access.get_instance_or_404(owner, source.instance_id) == source

    def test_knows_no_instance_of_another_tenant(self, owner):
        with pytest.raises(Http404):
            access.get_instance_or_404(owner, factories.make_instance().instance_id)

    def test_shows_staff_every_instance(self, source):
        assert access.get_instance_or_404(factories.make_staff(), source.instance_id) == source


class TestGetRuleOr404:
    def test_goes_by_the_source_not_by_the_target(self, owner, source):
        inbound = factories.make_cross_tenant_rule(source=factories.make_instance(), target=source)
        with pytest.raises(Http404):
            access.get_rule_or_404(owner, inbound.pk)


class TestGetExecutionOr404:
    def test_finds_no_execution_of_another_tenant(self, owner):
        with pytest.raises(Http404):
            access.get_execution_or_404(owner, factories.make_execution().pk)

    def test_finds_no_number_that_is_too_large(self, owner):
        with pytest.raises(Http404):
            access.get_execution_or_404(owner, 10**30)


class TestCanCreateInstances:
    @pytest.mark.parametrize(
        ("role", "expected"), [("owner", True), ("admin", True), ("operator", False), ("viewer", False)]
    )
    def test_follows_the_role(self, account, role, expected):
        user = factories.make_user(account=account, role=role)
        assert access.can_create_instances(user) is expected

    def test_says_no_to_staff_without_an_account(self):
        assert access.can_create_instances(factories.make_staff()) is False
