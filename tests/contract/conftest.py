"""The registries of the contract tests: each kind with each way to sign in, started once for all tests."""

import contextlib
from collections.abc import Callable, Iterator
from functools import cache
from typing import get_args

import pytest

from tests.contract.sites import AuthMode, Kind, Site, open_site
from tests.servers.docker_registry import is_installed


@pytest.fixture(scope="session")
def start_site() -> Iterator[Callable[[Kind, AuthMode], str]]:
    with contextlib.ExitStack() as stack:
        yield cache(lambda kind, auth: stack.enter_context(open_site(kind, auth)))


@pytest.fixture(params=get_args(AuthMode))
def auth(request):
    return request.param


@pytest.fixture(
    params=[
        "fake",
        "fake distribution",
        pytest.param(
            "docker-registry",
            marks=[
                pytest.mark.real_registry,
                pytest.mark.skipif(not is_installed(), reason="needs docker-registry"),
            ],
        ),
    ]
)
def site(request, auth: AuthMode, start_site: Callable[[Kind, AuthMode], str]) -> Site:
    return Site(request.param, auth, start_site(request.param, auth))
