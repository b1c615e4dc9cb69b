"""Two fake registries, and a rule from one to the other."""

from collections.abc import Iterator

import pytest

from syncjobs.models import Rule
from tests.factories import make_instance, make_rule
from tests.fakes.registry import FakeRegistry


@pytest.fixture
def source() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def target() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def rule(source: FakeRegistry, target: FakeRegistry) -> Rule:
    """Return a rule for everything in the namespace `team`."""
    instance = make_instance(endpoint_url=source.url)
    other = make_instance(endpoint_url=target.url, account=instance.account)
    return make_rule(source=instance, target=other, namespace="team")
