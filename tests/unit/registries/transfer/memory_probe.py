"""
Copies one tag in a process of its own and prints by how many bytes that made the process grow.

Run by test_memory.py; at full size by hand: python -m tests.unit.registries.transfer.test_memory 8 1024
"""

import asyncio
import re
import sys
from pathlib import Path

import uvloop

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.guard import HostGuard
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import Event, TagFinished
from registries.transfer.known import KnownBlobs
from tests.unit.registries.transfer.harness import make_request, never


def peak_resident_bytes() -> int:
    """Return the high-water mark of this process; ru_maxrss would begin with the parent's."""
    status = Path("/proc/self/status").read_text()
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    assert found is not None
    return int(found.group(1)) * 1024


async def copy(source_url: str, target_url: str) -> list[Event]:
    guard = HostGuard(allowed_networks=("127.0.0.0/8",))
    events: list[Event] = []
    async with (
        RegistryClient(Endpoint(source_url), guard=guard) as source,
        RegistryClient(Endpoint(target_url), guard=guard, writes=True) as target,
    ):
        engine = Engine(source, target, known=KnownBlobs(), budget=Budget())
        await engine.copy(make_request("small"), emit=events.append, is_stopping=never)
        before = peak_resident_bytes()
        await engine.copy(make_request("large"), emit=events.append, is_stopping=never)
        sys.stdout.write(f"{before} {peak_resident_bytes()}\n")
    return events


def main() -> None:
    uvloop.install()
    events = asyncio.run(copy(*sys.argv[1:3]))
    statuses = [event.status for event in events if isinstance(event, TagFinished)]
    assert statuses == ["copied", "copied"], events


if __name__ == "__main__":
    main()
