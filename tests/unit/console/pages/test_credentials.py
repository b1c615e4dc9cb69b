"""The pages of access credentials: a secret is seen once, by who issued it, and leaves no trace."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.core import serializers
from django.urls import reverse
from django.utils import timezone

from registries.models import AccessCredential, AuditEvent, CredentialKind
from registries.services import access_credentials
from tests import factories

pytestmark = pytest.mark.django_db


def url(name: str, instance, credential=None) -> str:
    parts = [instance.instance_id] + ([credential.token_id] if credential else [])
    return reverse(f"credentials:{name}", args=parts)


@pytest.fixture
def credential(source, owner):
    return factories.make_access_credential(instance=source, created_by=owner, description="for Globex")


class TestListPage:
    def test_shows_everything_but_the_secret(self, page, source, owner):
        factories.make_access_credential(
            instance=source, created_by=owner, namespaces=["team"], description="for Globex"
        )
        robot, _secret = access_credentials.issue(
            instance=source, by=None, now=timezone.now(), username="ci", allowed={"web": ["pull"]}
        )
        text = page.get(url("list", source)).content.decode()
        for shown in ("100000000001", "for Globex", "team", "olivia", "tcr$ci", "web", "pull", "Platform"):
            assert shown in text
        assert robot.secret_fingerprint not in text
        assert factories.PASSWORD not in text

    def test_costs_the_same_number_of_queries_for_many(
        self, page, source, owner, django_assert_max_num_queries
    ):
        for number in range(30):
            factories.make_access_credential(instance=source, created_by=owner, secret=f"s{number}")
        with django_assert_max_num_queries(10):
            page.get(url("list", source))

    def test_offers_a_viewer_nothing_to_do(self, viewer_page, source, credential):
        text = viewer_page.get(url("list", source)).content.decode()
        assert "for Globex" in text
        assert url("issue", source) not in text
        assert url("disable", source, credential) not in text


class TestIssue:
    def issue(self, client, instance, **data):
        return client.post(url("issue", instance), data)

    def test_shows_the_secret_once_on_a_page_that_nothing_keeps(self, page, source):
        response = self.issue(page, source, description="for Globex", namespaces="team")
        credential = AccessCredential.objects.get()
        secret = next(
            word
            for word in response.content.decode().replace("<", ">").split(">")
            if len(word) > 30 and credential.has_secret(word)
        )
        assert response.status_code == 200
        assert "no-store" in response["Cache-Control"]
        assert (credential.kind, credential.namespaces) == (CredentialKind.USER, ["team"])
        kept = serializers.serialize("json", [*Session.objects.all(), *AuditEvent.objects.all(), credential])
        sessions = str([session.get_decoded() for session in Session.objects.all()])
        for place in (kept, sessions, page.get(url("list", source)).content.decode()):
            assert secret not in place

    def test_issues_a_service_account_with_its_permissions(self, page, source):
        self.issue(page, source, username="ci", permissions="team: pull, push\r\n*: pull")
        credential = AccessCredential.objects.get()
        assert credential.username == "tcr$ci"
        assert credential.permissions == {"team": ["pull", "push"], "*": ["pull"]}

    def test_issues_a_temporary_one(self, page, source):
        self.issue(page, source, is_temporary="on")
        credential = AccessCredential.objects.get()
        assert credential.is_temporary
        assert credential.expires_at is not None
        assert credential.expires_at <= timezone.now() + timedelta(hours=1)

    @pytest.mark.parametrize(
        ("field", "data"),
        [
            ("username", {"username": "UPPER"}),
            ("namespaces", {"namespaces": "a/b"}),
            ("permissions", {"username": "ci", "permissions": "team"}),
            ("permissions", {"username": "ci", "permissions": "team: delete"}),
            ("permissions", {"permissions": "team: push"}),
            ("expires_at", {"expires_at": "2020-01-01T00:00"}),
            ("is_temporary", {"username": "ci", "is_temporary": "on"}),
        ],
    )
    def test_refuses_a_bad_value_at_its_field(self, page, source, field, data):
        response = self.issue(page, source, **data)
        assert list(response.context["form"].errors) == [field]
        assert not AccessCredential.objects.exists()

    def test_lets_nobody_choose_a_secret(self, page, source):
        self.issue(page, source, secret="password")
        assert not AccessCredential.objects.get().has_secret("password")

    def test_is_not_for_viewers(self, viewer_page, source):
        assert viewer_page.get(url("issue", source)).status_code == 403
        assert self.issue(viewer_page, source).status_code == 403


class TestSwitch:
    def test_disables_and_enables(self, page, source, credential):
        for name, expected in (("disable", False), ("enable", True)):
            page.post(url(name, source, credential))
            credential.refresh_from_db()
            assert credential.is_enabled is expected
        verbs = set(AuditEvent.objects.values_list("verb", flat=True))
        assert verbs >= {"access_credential.disabled", "access_credential.enabled"}

    def test_is_not_for_others_without_the_right_to_manage(self, sign_in, account, source, credential):
        operator = sign_in(factories.make_user(account=account, role="operator"))
        operator.post(url("disable", source, credential))
        credential.refresh_from_db()
        assert credential.is_enabled
        assert operator.get(url("update", source, credential)).status_code == 403

    def test_lets_its_issuer_withdraw_it_without_the_right_to_push(self, sign_in, account, source):
        viewer = factories.make_user(account=account, role="viewer")
        credential = factories.make_access_credential(instance=source, created_by=viewer)
        client = sign_in(viewer)
        client.post(url("disable", source, credential))
        credential.refresh_from_db()
        assert not credential.is_enabled
        client.post(url("enable", source, credential))
        credential.refresh_from_db()
        assert not credential.is_enabled


class TestUpdate:
    def test_changes_description_end_and_namespaces(self, page, source, credential):
        page.post(
            url("update", source, credential),
            {"description": "another", "namespaces": "team, web", "expires_at": "2040-01-01T00:00"},
        )
        credential.refresh_from_db()
        assert (credential.description, credential.namespaces) == ("another", ["team", "web"])
        assert credential.expires_at.year == 2040
        assert credential.has_secret(factories.PASSWORD)


class TestDelete:
    def test_asks_for_the_username(self, page, source, credential):
        page.post(url("delete", source, credential), {"name": "something"})
        assert AccessCredential.objects.exists()
        page.post(url("delete", source, credential), {"name": credential.username})
        assert not AccessCredential.objects.exists()


class TestTenancy:
    @pytest.mark.parametrize("name", ["update", "enable", "disable", "delete"])
    def test_a_credential_of_another_instance_is_not_there(self, page, target, credential, name):
        path = url(name, target, credential)
        assert page.post(path).status_code == 404
        credential.refresh_from_db()
        assert credential.is_enabled
