"""Programs that call the API with tokens of the account's users."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from registries.models import TokenScope, User
from registries.services import api_tokens
from tests import factories

ROOT = "/api/v1/"


class Program:
    """Calls the API with a token; bodies are JSON. Every answer that is no success must be a problem."""

    def __init__(self, user: User, scope: TokenScope = TokenScope.ADMIN) -> None:
        now = timezone.now()
        self.token, self.text = api_tokens.issue(
            scope=scope, expires_at=now + timedelta(days=1), description="test", by=user, now=now
        )
        self._client = Client(enforce_csrf_checks=True)

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        response = self._client.generic(
            method,
            path if path.startswith("/") else ROOT + path,
            b"" if body is None else json.dumps(body).encode(),
            content_type="application/json",
            headers={"Authorization": f"Bearer {self.text}"} | sent,
        )
        if response.status_code >= 400:
            problem = response.json()
            assert response.headers["Content-Type"] == "application/problem+json"
            assert problem["status"] == response.status_code
            assert problem["request_id"] == response.headers["X-Request-ID"]
        return response

    def get(self, path: str, **headers: str) -> Any:
        return self.ask("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.ask("POST", path, body, **headers)

    def patch(self, path: str, body: Any, **headers: str) -> Any:
        return self.ask("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.ask("DELETE", path, **headers)


def errors_of(response: Any) -> dict[str, str]:
    """Return the messages of a problem by field."""
    return {error["field"]: error["message"] for error in response.json()["errors"]}


@pytest.fixture
def program_of() -> Callable[..., Program]:
    return Program


@pytest.fixture
def program(owner) -> Program:
    """A program of the account's owner, with all scopes."""
    return Program(owner)


@pytest.fixture
def viewer(account) -> Program:
    return Program(factories.make_user(account=account, role="viewer"))


@pytest.fixture
def stranger(db) -> Program:
    """A program of another account's owner."""
    return Program(factories.make_user(role="owner"))
