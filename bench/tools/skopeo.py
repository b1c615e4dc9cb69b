"""Debian's `skopeo sync`, as an administrator would run it: one process, all repositories, all tags."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import yaml

from bench.processes import Gauge
from bench.tools.task import Run, Task


class Skopeo:
    """
    The peer.

    Its targets are named by the last part of the repository's name (`--scoped` would put the source's
    host and port into the path, which registries refuse); the namespace is given as the destination.
    """

    name = "skopeo"

    def run(self, task: Task) -> Run:
        """Do the task in one process."""
        with tempfile.TemporaryDirectory() as directory:
            plan = Path(directory, "sync.yaml")
            plan.write_text(plan_of(task), encoding="utf-8")
            log_path = Path(directory, "skopeo.log")
            with log_path.open("wb") as log:
                process = subprocess.Popen(command(task, plan), stdout=log, stderr=log)
                gauge = Gauge(process.pid)
                gauge.start()
                _, status, usage = os.wait4(process.pid, 0)
                sample = gauge.stop_after_exit(usage.ru_utime + usage.ru_stime)
                process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode:
                raise RuntimeError(f"skopeo failed:\n{log_path.read_text(errors='replace')[-2000:]}")
        return Run(sample)

    def close(self) -> None:
        """Nothing stays."""


def plan_of(task: Task) -> str:
    """Return the YAML that names the repositories; an empty list means all tags."""
    images: dict[str, list[str]] = {name: [] for name in task.repositories}
    return yaml.safe_dump({urlsplit(task.source_url).netloc: {"tls-verify": False, "images": images}})


def command(task: Task, plan: Path) -> list[str]:
    """Return the command line."""
    destination = f"{urlsplit(task.target_url).netloc}/{task.namespace}"
    return [
        "skopeo",
        "--insecure-policy",
        "sync",
        "--src",
        "yaml",
        "--dest",
        "docker",
        "--dest-tls-verify=false",
        str(plan),
        destination,
    ]
