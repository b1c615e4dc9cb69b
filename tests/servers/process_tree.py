"""Who descends from a process, and who of them still runs: read from /proc, zombies left out."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """A process at a time; `started` tells it from a later one with the same pid."""

    pid: int
    parent: int
    group: int
    started: int
    command: str

    @property
    def is_running(self) -> bool:
        """Whether this very process still runs."""
        now = _read(self.pid)
        return now is not None and now.started == self.started


def list_running() -> list[Process]:
    """Return every process of the machine that is no zombie."""
    found = (_read(int(path.name)) for path in PROC.iterdir() if path.name.isdigit())
    return [process for process in found if process is not None]


def family(pid: int) -> list[Process]:
    """Return the process and everything that descends from it, parents first."""
    running = list_running()
    members = [process for process in running if process.pid == pid]
    for parent in members:
        members += [process for process in running if process.parent == parent.pid]
    return members


def group(leader: int) -> list[Process]:
    """Return the processes of a process group."""
    return [process for process in list_running() if process.group == leader]


def survivors(processes: Iterable[Process], *, timeout_seconds: float = 5) -> list[Process]:
    """Return which of the processes still run, after giving those that were killed time to end."""
    deadline = time.monotonic() + timeout_seconds
    left = [process for process in processes if process.is_running]
    while left and time.monotonic() < deadline:
        time.sleep(0.02)
        left = [process for process in left if process.is_running]
    return left


def _read(pid: int) -> Process | None:
    try:
        stat = (PROC / str(pid) / "stat").read_text()
        command = (PROC / str(pid) / "cmdline").read_text().replace("\0", " ").strip()
    except (OSError, UnicodeDecodeError):
        return None
    state, parent, process_group, *others = stat.rpartition(")")[2].split()
    if state in {"Z", "X"}:
        return None
    return Process(pid, int(parent), int(process_group), int(others[16]), command)
