"""Callers of the cloud API."""

from __future__ import annotations

import pytest

from registries.models import Edition, Instance
from tests import factories
from tests.unit.console.cloud.calling import Caller, caller_for


@pytest.fixture
def call(owner) -> Caller:
    """The caller of the account's owner."""
    return caller_for(owner)


@pytest.fixture
def source(account) -> Instance:
    return factories.make_instance(account=account, name="source-one", edition=Edition.PREMIUM)


@pytest.fixture
def target(account) -> Instance:
    region = factories.make_region("ap-singapore")
    return factories.make_instance(account=account, name="target-one", region=region)
