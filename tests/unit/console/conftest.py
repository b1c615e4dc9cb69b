"""Signed-in clients of two tenants."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client

from registries.models import Account, Edition, Instance, User
from tests import factories


@pytest.fixture
def account(db) -> Account:
    return factories.make_account(uin="100000000001", name="Example")


@pytest.fixture
def owner(account) -> User:
    return factories.make_user(account=account, username="olivia", role="owner")


@pytest.fixture
def sign_in() -> Callable[[User], Client]:
    """Return a client that is signed in as the user."""

    def signed_in(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def page(owner: User, sign_in: Callable[[User], Client]) -> Client:
    """The client of the account's owner."""
    return sign_in(owner)


@pytest.fixture
def viewer_page(account: Account, sign_in: Callable[[User], Client]) -> Client:
    """The client of a viewer of the account."""
    return sign_in(factories.make_user(account=account, role="viewer"))


@pytest.fixture
def source(account) -> Instance:
    return factories.make_instance(account=account, name="source", edition=Edition.PREMIUM)


@pytest.fixture
def target(account) -> Instance:
    return factories.make_instance(account=account, name="target")


@pytest.fixture
def rule(source, target):
    return factories.make_rule(source=source, target=target, name="release")
