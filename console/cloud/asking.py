"""Asks the registry behind an instance what it holds, while the caller of the cloud API waits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from console.cloud.actions import Call
from console.cloud.errors import CloudError
from registries.policies import Refused
from registries.services import browsing
from syncjobs.planner import natural_key


@contextmanager
def patiently() -> Iterator[None]:
    """Tell clients to try again when too many ask at once."""
    try:
        yield
    except Refused as refused:
        raise CloudError("ResourceUnavailable", str(refused)) from None


def list_repositories(call: Call) -> list[str]:
    """Return the registry's repositories in natural order; raises RegistryError."""
    with patiently():
        found = browsing.list_repositories(instance=call.instance, by=call.user)
    return sorted(found.names, key=natural_key)
