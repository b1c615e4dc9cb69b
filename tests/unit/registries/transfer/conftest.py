from collections.abc import Iterator

import pytest

from tests.fakes.registry import FakeRegistry
from tests.unit.registries.transfer.harness import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A modern source and a modern target, both empty."""
    with FakeRegistry() as source, FakeRegistry() as target:
        yield Bench(source, target)
