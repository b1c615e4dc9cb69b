"""The fake asks for credentials in the words of Debian's docker-registry."""

import re

import httpx
import pytest

from tests.fakes.auth import BasicAuth, BearerAuth
from tests.fakes.content import digest_of
from tests.fakes.registry import FakeRegistry
from tests.servers.docker_registry import DockerRegistry, is_installed

pytestmark = [
    pytest.mark.real_registry,
    pytest.mark.skipif(not is_installed(), reason="needs docker-registry"),
]

DIGEST = digest_of(b"")
REQUESTS = [
    ("GET", "/v2/"),
    ("GET", "/v2/_catalog"),
    ("GET", "/v2/team/app/tags/list"),
    ("HEAD", "/v2/team/app/manifests/v1"),
    ("PUT", "/v2/team/app/manifests/v1"),
    ("DELETE", f"/v2/team/app/manifests/{DIGEST}"),
    ("GET", f"/v2/team/app/blobs/{DIGEST}"),
    ("POST", "/v2/team/app/blobs/uploads/"),
    ("POST", f"/v2/team/app/blobs/uploads/?mount={DIGEST}&from=team/base"),
    ("PATCH", "/v2/team/app/blobs/uploads/0"),
]


def observe(url: str, headers: dict[str, str]) -> list[tuple[int, str]]:
    """Return status and challenge of every request, without the addresses and names in it."""
    seen = []
    with httpx.Client(base_url=url, headers=headers, trust_env=False) as http:
        for method, path in REQUESTS:
            response = http.request(method, path)
            challenge = re.sub(
                r'(realm|service)="[^"]*"', r"\1", response.headers.get("WWW-Authenticate", "")
            )
            seen.append((response.status_code, re.sub(r'(?<=scope=")[^"]*', in_order, challenge)))
    return seen


def in_order(scope: re.Match[str]) -> str:
    """Return the scope with its parts sorted: the real registry gives them any order, a new one each time."""
    parts = (part.rpartition(":") for part in scope[0].split())
    return " ".join(sorted(f"{name}:{','.join(sorted(actions.split(',')))}" for name, _, actions in parts))


class TestBasicAuth:
    @pytest.mark.parametrize(
        "headers", [{}, {"Authorization": "Basic d3Jvbmc6d3Jvbmc="}, {"Authorization": "Basic ?"}]
    )
    def test_challenges_like_the_real_one(self, headers):
        with DockerRegistry("htpasswd") as real, FakeRegistry(auth=BasicAuth("user", "password")) as fake:
            assert observe(fake.url, headers) == observe(real.url, headers)


class TestBearerAuth:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
    def test_challenges_like_the_real_one(self, headers):
        auth = BearerAuth("user", "password", shuffles_scopes=True)
        with DockerRegistry("token") as real, FakeRegistry(auth=auth) as fake:
            assert observe(fake.url, headers) == observe(real.url, headers)

    @pytest.mark.parametrize("scope", ["repository:team/app:pull", "repository:team/app:pull,push"])
    def test_finds_a_token_too_narrow_like_the_real_one(self, scope):
        auth = BearerAuth("user", "password")
        with DockerRegistry("token") as real, FakeRegistry.like_distribution(auth=auth) as fake:
            answer = httpx.get(
                f"{auth.server.url}/token",
                params={"scope": scope},
                auth=("user", "password"),
                trust_env=False,
            )
            headers = {"Authorization": f"Bearer {answer.json()['token']}"}
            assert observe(fake.url, headers) == observe(real.url, real.token_headers(scope))
