"""The page of API keys: a SecretKey is seen once, by its user, and leaves no trace."""

import pytest
from django.contrib.sessions.models import Session
from django.urls import reverse
from django.utils import timezone

from registries.models import ApiKey, AuditEvent
from registries.services import api_keys
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def key(owner) -> ApiKey:
    return api_keys.create(user=owner, now=timezone.now())[0]


def url(name: str, key: ApiKey | None = None) -> str:
    return reverse(f"keys:{name}", args=[key.secret_id] if key else [])


class TestCreate:
    def test_shows_the_secret_key_once(self, page, owner):
        answer = page.post(url("create"))
        key = ApiKey.objects.select_related("user").get(user=owner)
        secret_key = key.open_secret_key()
        assert secret_key in answer.content.decode()
        assert "no-store" in answer.headers["Cache-Control"]
        assert secret_key not in page.get(url("list")).content.decode()
        assert not any(secret_key in str(session.get_decoded()) for session in Session.objects.all())
        assert secret_key not in key.sealed_secret_key
        event = AuditEvent.objects.get(verb="api_key.created")
        assert (event.target_name, event.actor) == (key.secret_id, owner)
        assert secret_key not in str(event.changes)

    def test_ends_at_five(self, page, owner):
        for _number in range(api_keys.MOST_KEYS):
            page.post(url("create"))
        answer = page.post(url("create"), follow=True)
        assert ApiKey.objects.count() == api_keys.MOST_KEYS
        assert "which is the most" in answer.content.decode()

    def test_is_not_for_staff(self, sign_in):
        client = sign_in(factories.make_staff())
        assert url("create") not in client.get(url("list")).content.decode()
        client.post(url("create"))
        assert not ApiKey.objects.exists()


class TestListPage:
    def test_shows_the_own_keys_only(self, page, key, account):
        other, _secret = api_keys.create(user=factories.make_user(account=account), now=timezone.now())
        text = page.get(url("list")).content.decode()
        assert key.secret_id in text
        assert other.secret_id not in text


class TestSwitching:
    def test_a_key_is_disabled_enabled_and_only_deleted_when_off(self, page, key):
        page.post(url("delete", key))
        assert ApiKey.objects.exists()
        page.post(url("disable", key))
        assert api_keys.find_usable(key.secret_id) is None
        page.post(url("enable", key))
        assert api_keys.find_usable(key.secret_id) == key
        page.post(url("disable", key))
        page.post(url("delete", key))
        assert not ApiKey.objects.exists()
        verbs = AuditEvent.objects.filter(verb__startswith="api_key.").values_list("verb", flat=True)
        assert sorted(verbs) == [
            "api_key.created",
            "api_key.deleted",
            "api_key.disabled",
            "api_key.disabled",
            "api_key.enabled",
        ]

    @pytest.mark.parametrize("name", ["enable", "disable", "delete"])
    def test_a_colleagues_key_does_not_exist(self, sign_in, key, account, name):
        colleague = sign_in(factories.make_user(account=account, role="owner"))
        assert colleague.post(url(name, key)).status_code == 404
        with pytest.raises(Exception, match="own API keys"):
            api_keys.delete(key=key, by=factories.make_user(account=account), now=timezone.now())
