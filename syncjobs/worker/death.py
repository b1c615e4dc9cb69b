"""
Ties the life of a process to its parent's, so that no orphan survives a killed supervisor or sentinel.

Source: reference/ecosystem.md 2.3 (C4, C5): without it, the children of a killed cluster go on working
unguarded.
"""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


def die_with_parent(parent: int | None = None, by: signal.Signals = signal.SIGKILL) -> None:
    """
    Have the kernel send this process a signal when its parent ends (Linux; elsewhere nothing happens).

    Ends it at once if `parent`, the pid of the process that started it, has ended already.
    """
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, by)
    if parent is not None and os.getppid() != parent:
        os._exit(1)


def children_die_with_parent() -> None:
    """Do the same in every process that this one forks from now on, and in theirs."""
    forking: list[int] = []

    def remember() -> None:
        forking[:] = [os.getpid()]

    os.register_at_fork(before=remember, after_in_child=lambda: die_with_parent(forking[0]))
