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


def die_with_parent(by: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends (Linux; elsewhere nothing happens)."""
    if hasattr(_libc, "prctl"):
        _libc.prctl(_PR_SET_PDEATHSIG, by)


def children_die_with_parent() -> None:
    """Do the same in every process that this one forks from now on, and in theirs."""
    os.register_at_fork(after_in_child=die_with_parent)
