"""The registries of a workload: a source that is filled once, fresh targets, and long lines to both."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from bench.access_log import Traffic, parse
from bench.content import Shape
from bench.filling import fill
from bench.processes import cpu_seconds
from tests.servers.docker_registry import DockerRegistry
from tests.servers.relay import RelayProcess


@dataclass(frozen=True, slots=True)
class Traffics:
    """What both sides were asked."""

    source: Traffic
    target: Traffic


@dataclass(frozen=True, slots=True)
class Site:
    """A pair of registries, as a tool sees them."""

    source_url: str
    target_url: str
    source: DockerRegistry
    target: DockerRegistry

    def traffic(self) -> Traffics:
        """Return what both registries were asked, if they keep a log."""
        return Traffics(traffic_of(self.source), traffic_of(self.target))

    def cpu_seconds(self) -> tuple[float, float]:
        """Return what both registries have used of the CPU so far: the part that no client can save."""
        return cpu_seconds(self.source.pid), cpu_seconds(self.target.pid)

    def check_equal(self) -> None:
        """Raise RuntimeError unless the target has exactly the source's tags, with the same digests."""
        wanted, found = _tags(self.source), _tags(self.target)
        if wanted != found:
            different = {tag for tag in wanted.keys() | found.keys() if wanted.get(tag) != found.get(tag)}
            raise RuntimeError(f"{len(different)} of {len(wanted)} tags differ: {sorted(different)[:3]}")


class Source:
    """
    A filled registry, and a second one on the same storage which keeps an access log.

    Timings are taken from the first: writing the log costs time.
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = shape
        self._stack = ExitStack()
        self.quiet = DockerRegistry()
        self.logging = DockerRegistry(has_access_log=True)

    def __enter__(self) -> Self:
        with self._stack:
            self._stack.enter_context(self.quiet)
            self._stack.enter_context(self.logging)
            fill(self.quiet.url, self._shape)
            self.logging.storage_path.symlink_to(self.quiet.storage_path)
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()


@contextmanager
def open_site(
    source: Source, *, is_logged: bool, is_filled: bool = False, delay_seconds: float = 0.0
) -> Iterator[Site]:
    """
    Yield the source with a new target, empty or with the same content.

    The delay is one way, on both lines; a round trip takes twice as long.
    """
    with ExitStack() as stack:
        origin = source.logging if is_logged else source.quiet
        if is_logged:
            origin.clear_log()
        target = stack.enter_context(DockerRegistry(has_access_log=is_logged))
        if is_filled:
            shutil.copytree(source.quiet.storage_path, target.storage_path)
        if delay_seconds:
            near, far = (
                stack.enter_context(RelayProcess(registry.port, delay_seconds=delay_seconds))
                for registry in (origin, target)
            )
            yield Site(near.url, far.url, origin, target)
        else:
            yield Site(origin.url, target.url, origin, target)


def traffic_of(registry: DockerRegistry) -> Traffic:
    """Return what a registry with an access log was asked so far."""
    registry.requests()  # waits until the log rests
    return parse(registry.log_path.read_text(errors="replace"))


def _tags(registry: DockerRegistry) -> dict[str, str]:
    """Read what the tags name from the registry's storage, which costs it no request."""
    root = Path(registry.storage_path, "docker/registry/v2/repositories").resolve()
    return {
        f"{link.parents[4].relative_to(root)}:{link.parents[1].name}": link.read_text()
        for link in root.glob("**/_manifests/tags/*/current/link")
    }
