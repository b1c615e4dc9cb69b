"""Real parts for integration tests: two registries and an installation of Regatta with a worker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers.docker_registry import DockerRegistry
from tests.servers.regatta import Regatta


@pytest.fixture
def source() -> Iterator[DockerRegistry]:
    with DockerRegistry(has_access_log=True) as registry:
        yield registry


@pytest.fixture
def target() -> Iterator[DockerRegistry]:
    with DockerRegistry("htpasswd", has_access_log=True) as registry:
        yield registry


@pytest.fixture
def regatta() -> Iterator[Regatta]:
    with Regatta() as installation:
        yield installation
