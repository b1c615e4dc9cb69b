"""Pairs of fake registries that take their time: `python -m bench.children.distant PAIRS IMAGES SECONDS`."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from bench.children import gate
from bench.content import NAMESPACE
from tests.fakes import images
from tests.fakes.registry import FakeRegistry


def main() -> None:
    """Serve until the parent goes; then tell how many images have arrived as they were sent."""
    pairs, repositories, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    with ExitStack() as stack:
        sides = [
            [
                stack.enter_context(FakeRegistry(is_logging=False, latency_seconds=seconds))
                for _side in ("source", "target")
            ]
            for _pair in range(pairs)
        ]
        for pair, (source, _target) in enumerate(sides):
            for number in range(repositories):
                artifact = images.image(f"{pair}-{number}", layers=2, layer_size=512)
                images.push(artifact, source, f"{NAMESPACE}/app{number}", "v1")
        gate.wait(pairs=[[source.url, target.url] for source, target in sides])
        gate.report(equal=sum(_count_equal(source, target) for source, target in sides))


def _count_equal(source: FakeRegistry, target: FakeRegistry) -> int:
    return sum(target.tags(name) == source.tags(name) for name in source.repositories())


if __name__ == "__main__":
    main()
