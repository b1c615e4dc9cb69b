"""What processes cost: CPU seconds and memory of a process and all below it, read from /proc."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 0.05
# Looking for new processes, and adding up shared pages, takes 10 to 30 ms: more often it would slow the work.
_LOOKS_PER_CENSUS = 20


@dataclass(frozen=True, slots=True)
class Stat:
    """A line of /proc/<pid>/stat: parent, and CPU seconds with those of children that were waited for."""

    parent: int
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Sample:
    """
    What a piece of work took.

    The peak is that of the largest process, or the largest sum over all processes that was seen (shared
    pages divided among those that share them), whichever is more.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int


def parse_stat(line: str) -> Stat:
    """Return what a line of /proc/<pid>/stat says. Source: proc(5)."""
    fields = line.rpartition(")")[2].split()
    return Stat(parent=int(fields[1]), cpu_seconds=sum(map(int, fields[11:15])) / _TICKS_PER_SECOND)


def parse_busy(text: str) -> float:
    """Return the CPU seconds that /proc/stat says the machine has been busy. Source: proc(5)."""
    user, nice, system, _idle, _iowait, irq, softirq = map(int, text.split("\n", 1)[0].split()[1:8])
    return (user + nice + system + irq + softirq) / _TICKS_PER_SECOND


def family(root: int, parents: Mapping[int, int]) -> set[int]:
    """Return the process and all below it, given everyone's parent."""
    found = {root}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds that the process and all below it have used so far."""
    return sum(stat.cpu_seconds for stat in _stats(pid).values())


class Neighbours:
    """Tells how much of the machine went to programs that are not ours, which makes figures noisy."""

    def __init__(self) -> None:
        self._before = self._now()

    def share(self) -> float:
        """Return the share of the machine's CPU time, 0 to 1, that others have used since the beginning."""
        wall, busy, own = (after - before for before, after in zip(self._before, self._now(), strict=True))
        return max(0.0, busy - own) / (wall * (os.cpu_count() or 1))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        busy = parse_busy(Path("/proc/stat").read_text())
        return time.monotonic(), busy, cpu_seconds(os.getpid())


class Gauge:
    """Measures a running process and all below it, from `start` to `stop`."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._peak = 0
        self._cpu_before = 0.0
        self._started_at = 0.0
        self._is_over = threading.Event()
        self._watcher = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """Begin: forget earlier peaks and note the time."""
        stats = _stats(self._pid)
        for pid in stats:
            with contextlib.suppress(OSError):
                Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._cpu_before = sum(stat.cpu_seconds for stat in stats.values())
        self._watcher.start()
        self._started_at = time.perf_counter()

    def stop(self) -> Sample:
        """End, while the process is still there, and return what it took since the start."""
        wall_seconds = time.perf_counter() - self._started_at
        self._end_watch()
        cpu_seconds = sum(stat.cpu_seconds for stat in _stats(self._pid).values()) - self._cpu_before
        return Sample(wall_seconds, cpu_seconds, self._peak)

    def stop_after_exit(self, cpu_seconds: float) -> Sample:
        """End after the process has ended, which then has used so much CPU; the peak may be 50 ms old."""
        wall_seconds = time.perf_counter() - self._started_at
        self._end_watch()
        return Sample(wall_seconds, cpu_seconds, self._peak)

    def _end_watch(self) -> None:
        self._is_over.set()
        self._watcher.join()

    def _watch(self) -> None:
        pids = [self._pid]
        for look in itertools.count(1):
            is_last = self._is_over.wait(_LOOK_SECONDS)
            if is_last or look % _LOOKS_PER_CENSUS == 0:
                pids = list(_stats(self._pid))
                if len(pids) > 1:
                    self._peak = max(self._peak, sum(_proportional_size(pid) for pid in pids))
            self._peak = max([self._peak, *(_high_water(pid) for pid in pids)])
            if is_last:
                return


def _stats(root: int) -> dict[int, Stat]:
    found: dict[int, Stat] = {}
    for entry in os.listdir("/proc"):  # noqa: PTH208 - ten thousand times a run
        if entry.isdigit():
            with contextlib.suppress(OSError):
                found[int(entry)] = parse_stat(Path(f"/proc/{entry}/stat").read_text())
    members = family(root, {pid: stat.parent for pid, stat in found.items()})
    return {pid: found[pid] for pid in members if pid in found}


def _high_water(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/status", "VmHWM:")


def _proportional_size(pid: int) -> int:
    return _kilobytes(f"/proc/{pid}/smaps_rollup", "Pss:")


def _kilobytes(path: str, field: str) -> int:
    with contextlib.suppress(OSError), Path(path).open() as lines:
        for line in lines:
            if line.startswith(field):
                return int(line.split()[1]) * 1024
    return 0
