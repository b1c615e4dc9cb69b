"""The processes of an installation, and which of them to kill next."""

from __future__ import annotations

import contextlib
import os
import random
import signal
from enum import StrEnum
from pathlib import Path

from tests.servers.process_tree import PROC, Process, family, list_running


class Role(StrEnum):
    """What a process is to the cluster; a child is a worker process, the pusher or the monitor."""

    CHILD = "child"
    SENTINEL = "sentinel"
    MAIN = "main"
    SUPERVISOR = "supervisor"


_WEIGHTS = {Role.CHILD: 60, Role.SENTINEL: 17, Role.MAIN: 17, Role.SUPERVISOR: 6}


def kill_one(supervisor_pid: int, chance: random.Random) -> Role | None:
    """Kill a random process of the supervisor's family and return its role; None if none could be killed."""
    members = _by_role(supervisor_pid)
    roles = [role for role in _WEIGHTS if members[role]]
    if not members[Role.CHILD]:
        roles = [role for role in roles if role is not Role.SUPERVISOR]  # it has only just begun
    if not roles:
        return None
    (role,) = chance.choices(roles, [_WEIGHTS[role] for role in roles])
    victim = chance.choice(members[role])
    try:
        os.kill(victim.pid, signal.SIGKILL)
    except ProcessLookupError:
        return None
    return role


def list_of_installation(directory: Path) -> list[Process]:
    """Return every process that runs on this data directory, whoever its parent is by now."""
    mark = f"REGATTA_DATA_DIR={directory}\0".encode()
    found = []
    for process in list_running():
        with contextlib.suppress(OSError):
            if mark in (PROC / str(process.pid) / "environ").read_bytes():
                found.append(process)
    return found


def _by_role(supervisor_pid: int) -> dict[Role, list[Process]]:
    members: dict[Role, list[Process]] = {role: [] for role in Role}
    depths: dict[int, int] = {}
    for process in family(supervisor_pid):
        depth = depths[process.pid] = depths.get(process.parent, -1) + 1
        role = [Role.SUPERVISOR, Role.MAIN, Role.SENTINEL, Role.CHILD][min(depth, 3)]
        members[role].append(process)
    return members
