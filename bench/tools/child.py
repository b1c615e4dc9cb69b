"""A child process that gets ready, waits for a sign, works once, reports, and stays until it was looked at."""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

PROJECT = Path(__file__).parents[2]
_READY_SECONDS = 600
_WORK_SECONDS = 900


class GatedChild:
    """
    The parent's end; the child's is `bench/children/gate.py`. Use it as a context manager.

    `facts` is what the child said when it was ready.
    """

    def __init__(self, module: str, *arguments: str, environment: Mapping[str, str] | None = None) -> None:
        self.facts: dict[str, Any] = {}
        self._process = subprocess.Popen(
            [sys.executable, "-m", f"bench.children.{module}", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            env=None if environment is None else dict(environment),
            bufsize=0,
        )

    @property
    def pid(self) -> int:
        """Return the process id."""
        return self._process.pid

    def __enter__(self) -> Self:
        self.facts = self._read(_READY_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def work(self) -> dict[str, Any]:
        """Let the child work and return its report."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")
        return self._read(_WORK_SECONDS)

    def _read(self, seconds: float) -> dict[str, Any]:
        stdout = self._process.stdout
        if stdout is None or not select.select([stdout], [], [], seconds)[0]:
            self._process.kill()
            raise RuntimeError(f"{self._process.args!r} said nothing for {seconds} seconds")
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self._process.args!r} ended with code {self._process.wait(10)}")
        return cast(dict[str, Any], json.loads(line))
