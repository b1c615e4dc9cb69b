"""The three registries of the demo: Debian's docker-registry, or, where that is missing, a fake one."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass

from demo.content import Place
from tests.fakes.auth import BasicAuth
from tests.fakes.registry import FakeRegistry
from tests.servers import docker_registry
from tests.servers.docker_registry import DockerRegistry

MIRROR_USERNAME = "regatta"


@dataclass(frozen=True, slots=True)
class Lab:
    """Running registries; `credentials` are those of the mirror. `is_real` is False for fakes."""

    source_url: str
    mirror_url: str
    partner_url: str
    credentials: tuple[str, str]
    is_real: bool

    def url(self, place: Place) -> str:
        """Return the address of a target."""
        return self.mirror_url if place == "mirror" else self.partner_url

    def credentials_of(self, place: Place) -> tuple[str, str] | None:
        """Return username and password of a target, None if it asks for none."""
        return self.credentials if place == "mirror" else None


@contextlib.contextmanager
def running(mirror_password: str) -> Iterator[Lab]:
    """Start the registries on free loopback ports, and stop them afterwards, whatever happens."""
    credentials = (MIRROR_USERNAME, mirror_password)
    is_real = docker_registry.is_installed() and shutil.which("htpasswd") is not None
    with contextlib.ExitStack() as stack:
        source: DockerRegistry | FakeRegistry
        mirror: DockerRegistry | FakeRegistry
        partner: DockerRegistry | FakeRegistry
        if is_real:
            source = stack.enter_context(DockerRegistry())
            mirror = stack.enter_context(
                DockerRegistry("htpasswd", username=MIRROR_USERNAME, password=mirror_password)
            )
            partner = stack.enter_context(DockerRegistry())
        else:
            source = stack.enter_context(FakeRegistry())
            mirror = stack.enter_context(FakeRegistry(auth=BasicAuth(*credentials)))
            partner = stack.enter_context(FakeRegistry())
        yield Lab(source.url, mirror.url, partner.url, credentials, is_real)
