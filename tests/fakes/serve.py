"""
A fake registry in a process of its own, for benchmarks that must not share their interpreter with it.

`python -m tests.fakes.serve --help`. It logs no requests.
"""

import argparse
import signal
import threading

from tests.fakes import images
from tests.fakes.registry import FakeRegistry


def fill(registry: FakeRegistry, *, repositories: int, tags: int) -> None:
    """Put small images there: one in each repository, under all of its tags."""
    for number in range(repositories):
        name = f"bench/repository-{number:05}"
        digest = images.push(images.image(number), registry, name)
        for tag in range(tags):
            registry.put_tag(name, f"v{tag:06}", digest)


def main() -> None:
    """Serve until a signal comes; the first line of output is the URL."""
    parser = argparse.ArgumentParser(description="serve a fake registry on a loopback port")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--repositories", type=int, default=0, help="fill in so many repositories")
    parser.add_argument("--tags", type=int, default=1, help="tags of each repository")
    parser.add_argument("--latency-ms", type=float, default=0, help="wait before each answer")
    parser.add_argument("--discard-uploads", action="store_true", help="hash and count blobs, keep nothing")
    arguments = parser.parse_args()
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    registry = FakeRegistry(
        is_logging=False,
        latency_seconds=arguments.latency_ms / 1000,
        discard_uploads=arguments.discard_uploads,
    )
    fill(registry, repositories=arguments.repositories, tags=arguments.tags)
    registry.port = arguments.port
    with registry:
        print(registry.url, flush=True)  # noqa: T201  (this is how the caller learns the port)
        stopped.wait()


if __name__ == "__main__":
    main()
