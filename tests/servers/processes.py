"""Child processes of tests: free ports, scratch directories, waiting until ready, stopping by pid."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

READY_TIMEOUT_SECONDS = 30
STOP_TIMEOUT_SECONDS = 10


def find_free_port() -> int:
    """Return a loopback port on which nothing listens at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def scratch_directory(prefix: str) -> Iterator[Path]:
    """Yield a new directory, in memory where the machine has /dev/shm, and remove it afterwards."""
    memory = Path("/dev/shm")
    parent = memory if os.access(memory, os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix=f"{prefix}-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Child:
    """One child process whose output goes to a file."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log_path: Path,
        user: str | None = None,
        environment: Mapping[str, str] | None = None,
        directory: Path | None = None,
    ) -> None:
        self.log_path = log_path
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=None if environment is None else dict(environment),
                cwd=directory,
                user=user,
                group=user,
                extra_groups=None if user is None else [],
            )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    @property
    def resident_bytes(self) -> int:
        """Return how much memory the process occupies now."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE")

    def wait_until(
        self, is_ready: Callable[[], bool], *, timeout_seconds: float = READY_TIMEOUT_SECONDS
    ) -> None:
        """
        Wait until the check says so.

        Raises RuntimeError, with the end of the log, if the process ends before or takes too long.
        """
        deadline = time.monotonic() + timeout_seconds
        while not is_ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                tail = self.log_path.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"{self._process.args!r} did not become ready:\n{tail}")
            time.sleep(0.02)

    def wait(self, timeout_seconds: float = STOP_TIMEOUT_SECONDS) -> int:
        """Wait until the process has ended by itself and return its exit code, negative after a signal."""
        return self._process.wait(timeout_seconds)

    def stop(self, first_signal: signal.Signals = signal.SIGTERM) -> None:
        """End the process, the hard way if it does not go in time. Safe to repeat."""
        if self._process.poll() is None:
            self._process.send_signal(first_signal)
        try:
            self._process.wait(STOP_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def is_listening(port: int) -> bool:
    """Tell whether something accepts connections on the loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
