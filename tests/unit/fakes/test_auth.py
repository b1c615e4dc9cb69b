import re

import httpx
import pytest

from tests.fakes import images
from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.registry import FakeRegistry

TAGS = "/v2/team/app/tags/list"


def ask(
    challenged: httpx.Response, credentials: tuple[str, str] | None = ("user", "password")
) -> dict[str, str]:
    """Return the headers with the token that the challenge leads to."""
    challenge = dict(re.findall(r'(\w+)="([^"]*)"', challenged.headers["WWW-Authenticate"]))
    query = {"service": challenge["service"], "scope": challenge.get("scope", "").split()}
    response = httpx.get(challenge["realm"], params=query, auth=credentials)
    assert response.status_code == 200, response.text
    return {"Authorization": f"Bearer {response.json()['token']}"}


class TestBasicAuth:
    @pytest.fixture
    def registry(self):
        def may(user, repository, action):
            return action == "pull"

        with FakeRegistry(auth=BasicAuth("user", "password", policy=may)) as registry:
            images.push(images.image(), registry, "team/app", "v1")
            yield registry

    def test_challenges_who_says_nothing(self, registry, http):
        response = http.get("/v2/")
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"] == 'Basic realm="fake"'

    def test_lets_the_user_in(self, registry, http):
        assert http.get(TAGS, auth=("user", "password")).status_code == 200

    def test_keeps_a_wrong_password_out(self, registry, http):
        assert http.get(TAGS, auth=("user", "wrong")).status_code == 401

    def test_forbids_what_the_policy_does_not_allow(self, registry, http):
        response = http.post("/v2/team/app/blobs/uploads/", auth=("user", "password"))
        assert response.status_code == 403


class TestBearerAuth:
    @pytest.fixture
    def auth(self):
        return BearerAuth("user", "password")

    @pytest.fixture
    def registry(self, auth):
        with FakeRegistry(auth=auth) as registry:
            images.push(images.image(), registry, "team/app", "v1")
            yield registry

    def test_asks_for_the_scope_that_the_request_needs(self, registry, http):
        challenge = http.post("/v2/team/app/blobs/uploads/").headers["WWW-Authenticate"]
        assert 'scope="repository:team/app:pull,push"' in challenge
        challenge = http.get("/v2/_catalog").headers["WWW-Authenticate"]
        assert 'scope="registry:catalog:*"' in challenge

    def test_asks_for_both_repositories_of_a_mount(self, registry, http):
        challenge = http.post("/v2/team/app/blobs/uploads/?mount=x&from=base").headers["WWW-Authenticate"]
        assert 'scope="repository:team/app:pull,push repository:base:pull"' in challenge

    def test_lets_a_token_in(self, registry, http, auth):
        assert http.get(TAGS, headers=ask(http.get(TAGS))).status_code == 200
        assert [token.scopes for token in auth.issued] == [("repository:team/app:pull",)]
        assert auth.server.count("GET", "^/token$") == 1

    def test_wants_a_wider_token_for_more(self, registry, http):
        response = http.post("/v2/team/app/blobs/uploads/", headers=ask(http.get(TAGS)))
        assert response.status_code == 401
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]

    def test_refuses_a_token_that_was_expired(self, registry, http, auth):
        headers = ask(http.get(TAGS))
        auth.expire_tokens()
        response = http.get(TAGS, headers=headers)
        assert response.status_code == 401
        assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]

    def test_refuses_a_token_beyond_its_life(self, registry, http, auth):
        auth.ttl_seconds = 0
        assert http.get(TAGS, headers=ask(http.get(TAGS))).status_code == 401

    def test_gives_no_token_for_a_wrong_password(self, registry, auth):
        assert httpx.get(f"{auth.server.url}/token", auth=("user", "wrong")).status_code == 401

    def test_grants_only_what_the_policy_allows(self, registry, http, auth):
        auth.policy = lambda user, repository, action: action == "pull"
        challenged = http.post("/v2/team/app/blobs/uploads/")
        headers = ask(challenged)
        assert http.get(TAGS, headers=headers).status_code == 200
        assert http.post("/v2/team/app/blobs/uploads/", headers=headers).status_code == 401

    def test_gives_anonymous_users_pull_only_where_told_to(self, registry, http, auth):
        auth.anonymous_pull = True
        headers = ask(http.post("/v2/team/app/blobs/uploads/"), credentials=None)
        assert http.get(TAGS, headers=headers).status_code == 200
        assert http.post("/v2/team/app/blobs/uploads/", headers=headers).status_code == 401

    def test_can_call_the_token_otherwise_and_say_less(self, registry, http, auth):
        auth.token_field = "access_token"
        auth.has_expires_in = auth.has_issued_at = False
        response = httpx.get(f"{auth.server.url}/token", auth=("user", "password"))
        assert list(response.json()) == ["access_token"]

    def test_understands_the_form_only_where_told_to(self, registry, auth):
        form = {
            "grant_type": "refresh_token",
            "refresh_token": "password",
            "scope": "repository:team/app:pull",
        }
        assert httpx.post(f"{auth.server.url}/token", data=form).status_code == 405
        auth.accepts_post = True
        token = httpx.post(f"{auth.server.url}/token", data=form).json()["token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(registry.url + TAGS, headers=headers).status_code == 200
