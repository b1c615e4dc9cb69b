"""A fake registry full of tags, `python -m bench.children.registry 2000x50`, which counts its requests."""

from __future__ import annotations

import sys
from typing import Any

from bench.children import gate
from bench.content import Shape, images
from tests.fakes.artifacts import OCI_MANIFEST
from tests.fakes.registry import FakeRegistry


class CountingLog(list[Any]):
    """A log that keeps nothing: what is logged is only counted."""

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def append(self, _request: Any) -> None:
        """Count."""
        self.total += 1


def main() -> None:
    """Serve until the parent goes."""
    repositories, _, tags = sys.argv[1].partition("x")
    with FakeRegistry() as registry:
        requests = registry.requests = CountingLog()
        for image in images(Shape(int(repositories), int(tags), ())):
            registry.put_manifest(image.repository, image.tag, image.manifest, OCI_MANIFEST)
        gate.wait(url=registry.url)
        gate.report(requests=requests.total)


if __name__ == "__main__":
    main()
