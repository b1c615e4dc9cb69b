"""The transfer engine without a database: lists the source and copies every repository that it finds."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter

import uvloop

from bench.children import gate
from bench.tools.task import Task
from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import BytesCopied, Event
from registries.transfer.known import KnownBlobs
from registries.transfer.plan import CopyOptions, RepositoryCopy

_DONE = ("copied", "up_to_date")
_REPOSITORIES_AT_ONCE = 32


async def copy(task: Task) -> Counter[str]:
    """Return how many tags ended in which way, and the bytes."""
    counts: Counter[str] = Counter()

    def emit(event: Event) -> None:
        if isinstance(event, BytesCopied):
            counts["bytes"] += event.count
        else:
            counts[event.status] += 1

    guard = HostGuard(allowed_networks=["127.0.0.0/8"])
    async with (
        RegistryClient(Endpoint(task.source_url), guard=guard) as source,
        RegistryClient(Endpoint(task.target_url), guard=guard, writes=True) as target,
    ):
        engine = Engine(source, target, known=KnownBlobs(), budget=Budget())
        names = [name async for page in source.list_repositories() for name in page]
        waiting = iter([name for name in names if name.startswith(f"{task.namespace}/")])

        async def work() -> None:
            for name in waiting:
                tags = [tag async for page in source.list_tags(name) for tag in page]
                request = RepositoryCopy(
                    name, name, tuple(tags), CopyOptions(), target_tags=None, source_tags=frozenset(tags)
                )
                await engine.copy(request, emit=emit, is_stopping=lambda: False)

        await asyncio.gather(*(work() for _ in range(_REPOSITORIES_AT_ONCE)))
    return counts


def main() -> None:
    """Do the task of the command line once."""
    task = Task.parse(sys.argv[1])
    gate.wait()
    counts = uvloop.run(copy(task))
    gate.report(tags=sum(counts[status] for status in _DONE), **counts)


if __name__ == "__main__":
    main()
