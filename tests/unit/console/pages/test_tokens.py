"""The pages of one's API tokens: shown once, and nobody else's."""

import re

import pytest

from registries.models import ApiToken
from tests.factories import make_user
from tests.unit.console.reading import text_of

pytestmark = pytest.mark.django_db


def issue(page, **changes):
    return page.post(
        "/account/tokens/new/", {"description": "ci", "scope": "operate", "days": "30"} | changes
    )


class TestIssue:
    def test_shows_the_token_once_and_lets_nobody_keep_the_page(self, page):
        response = issue(page)
        (text,) = re.findall(r"rgt_\w{20}_[\w-]{43}", text_of(response))
        token = ApiToken.objects.get()
        assert "no-store" in response.headers["Cache-Control"]
        assert (token.scope, token.description) == ("operate", "ci")
        assert (token.expires_at - token.created_at).days == 30
        assert text not in page.get("/account/tokens/").content.decode()
        asked = page.get("/api/v1/me/", headers={"Authorization": f"Bearer {text}"})
        assert asked.json()["scope"] == "operate"

    @pytest.mark.parametrize(
        "changes", [{"scope": "all"}, {"days": "0"}, {"days": "366"}, {"description": ""}]
    )
    def test_shows_what_is_wrong(self, page, changes):
        assert issue(page, **changes).status_code == 200
        assert not ApiToken.objects.exists()


class TestList:
    def test_shows_the_own_tokens_only(self, page, account, sign_in):
        issue(page)
        assert "ci" in text_of(page.get("/account/tokens/"))
        colleague = sign_in(make_user(account=account, role="owner"))
        assert "No API tokens yet" in text_of(colleague.get("/account/tokens/"))

    def test_is_linked_from_the_account(self, page):
        assert "/account/tokens/" in page.get("/account/").content.decode()


class TestRevoke:
    def test_ends_the_token(self, page):
        issue(page)
        response = page.post(f"/account/tokens/{ApiToken.objects.get().token_id}/revoke/", follow=True)
        assert "is revoked" in text_of(response)
        assert not ApiToken.objects.exists()

    def test_does_not_find_that_of_somebody_else(self, page, account, sign_in):
        issue(page)
        colleague = sign_in(make_user(account=account, role="owner"))
        path = f"/account/tokens/{ApiToken.objects.get().token_id}/revoke/"
        assert colleague.post(path).status_code == 404
        assert ApiToken.objects.exists()
