"""
Judges one cluster by the heartbeats of its drains: it hangs, one of its processes hangs, or all is well.

django-q's own guard sees neither a queue whose lock died with its holder nor a process that lives but does
nothing. Source: reference/ecosystem.md 2.3 (C1), 2.4 items 1 to 3.
"""

from __future__ import annotations

import logging
import os
import signal
from datetime import datetime, timedelta
from pathlib import Path

from django.db.utils import DatabaseError, InterfaceError

from syncjobs import queue
from syncjobs.drain import ledger

_ALIVE_WITHIN = timedelta(seconds=20)
_HUNG_AFTER = timedelta(seconds=45)
_STUCK_SECONDS = 15.0
_STARTING_SECONDS = 45.0
_TICK_LATE_AFTER = timedelta(seconds=150)
_BLIND_SECONDS = 10.0

log = logging.getLogger(__name__)


class Watchdog:
    """
    Watches a cluster from its start on. `clock` is monotonic seconds, `now` the time of heartbeats.

    It judges by what it has seen itself: after a time without a look, because the database was away or the
    machine slept, everybody gets the time anew.
    """

    def __init__(self) -> None:
        self._looked_at: float | None = None
        self._seeing_since = 0.0
        self._patience = _STARTING_SECONDS
        self._stuck_since: float | None = None

    @property
    def has_seen_work(self) -> bool:
        """Whether any drain of the cluster has lived while it was watched."""
        return self._patience == _STUCK_SECONDS

    def find_reason(self, group: int, *, is_due: bool, now: datetime, clock: float) -> str:
        """
        Return why the cluster must be killed, "" if it need not be; a single hung process is killed here.

        `group` is the pid of the cluster's main process, which leads its process group.
        """
        if self._looked_at is None or clock - self._looked_at > _BLIND_SECONDS:
            self._seeing_since = clock
            self._stuck_since = None
        self._looked_at = clock
        bury_dead(now)
        is_alive = self._tend_drains(group, now, clock)
        if is_alive:
            self._patience = _STUCK_SECONDS
        if is_alive or not is_due:
            self._stuck_since = None
        elif self._stuck_since is None:
            self._stuck_since = clock
        elif clock - self._stuck_since > self._patience:
            return "Work is due and no worker shows a heartbeat"
        seen_seconds = clock - self._seeing_since
        if seen_seconds > _TICK_LATE_AFTER.total_seconds() and queue.is_tick_late(now - _TICK_LATE_AFTER):
            return "Nobody has called tick for minutes"
        return ""

    def _tend_drains(self, group: int, now: datetime, clock: float) -> bool:
        """Return whether any drain of the cluster lives; kill one that hangs."""
        is_alive = False
        for its_group, pid, beat_at in ledger.list_drains():
            if its_group != group:
                continue
            if now - beat_at <= _ALIVE_WITHIN:
                is_alive = True
            elif now - beat_at > _HUNG_AFTER and clock - self._seeing_since > _HUNG_AFTER.total_seconds():
                log.error("Worker process %s shows no heartbeat; killing it", pid)
                os.kill(pid, signal.SIGKILL)
        return is_alive


def bury_dead(now: datetime) -> None:
    """Have the jobs of every worker process of this machine that has died taken up by others at once."""
    for group, pid, _beat_at in ledger.list_drains():
        if not is_member(pid, group):
            is_innocent = not is_member(group, group)
            count = ledger.bury(group, pid, now=now, is_innocent=is_innocent)
            log.warning("Worker process %s has died with %s jobs in hand", pid, count)


def has_work_in_hand(group: int) -> bool:
    """Return whether a living process of the cluster is in a drain; yes, if the database does not say."""
    try:
        drains = ledger.list_drains()
    except (DatabaseError, InterfaceError):
        return True
    return any(its_group == group and is_member(pid, group) for its_group, pid, _beat_at in drains)


def is_member(pid: int, group: int) -> bool:
    """Return whether the process lives and belongs to the group; a zombie does not live."""
    try:
        state, _parent, its_group = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[:3]
    except OSError:
        return False
    return int(its_group) == group and state not in {"Z", "X"}
