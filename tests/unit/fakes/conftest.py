"""A fake registry and a plain HTTP client that talks to it."""

from collections.abc import Iterator

import httpx
import pytest

from tests.fakes.registry import FakeRegistry


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    with FakeRegistry() as registry:
        yield registry


@pytest.fixture
def http(registry: FakeRegistry) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=registry.url, trust_env=False, timeout=10) as client:
        yield client
