"""The console of the demo: its environment, its commands, and the process that serves it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import secrets
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from syncjobs.worker.death import die_with_parent

ROOT = Path(__file__).resolve().parent.parent
_PREFERRED_PORT = 8080
_READY_SECONDS = 90
_STOP_SECONDS = 30


class DemoError(Exception):
    """The demo cannot go on; the message says what went wrong."""


@dataclass(frozen=True, slots=True)
class Console:
    """A directory with everything that the console keeps, and the environment that points there."""

    directory: Path
    url: str
    environment: Mapping[str, str]

    @property
    def environment_path(self) -> Path:
        """The file that a shell reads to run `manage.py` beside this console; it holds its keys."""
        return self.directory / "demo.env"

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` with the arguments and return what it prints; raises DemoError if it fails."""
        result = subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=dict(self.environment),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if result.returncode:
            words = (result.stderr.strip() or result.stdout.strip())[-3000:]
            raise DemoError(f"manage.py {arguments[0]} ended with {result.returncode}:\n{words}")
        return result.stdout

    def trigger(self, rule: str) -> dict[str, Any]:
        """Trigger the rule, wait for its end, and return the summary."""
        output = self.manage("trigger_rule", rule, "--wait", "--timeout", "300", "--json")
        summary: dict[str, Any] = json.loads(output)
        return summary

    @contextlib.contextmanager
    def serving(self) -> Iterator[None]:
        """Run web server and workers, ready when the block begins, stopped when it ends."""
        log_path = self.directory / "serve.log"
        with log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "manage.py", "serve"],
                cwd=ROOT,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=die_with_parent,  # noqa: PLW1509 - nothing else runs in this process yet
            )
        try:
            self._wait_until_healthy(process, log_path)
            yield
        finally:
            _stop(process)

    def _wait_until_healthy(self, process: subprocess.Popen[bytes], log_path: Path) -> None:
        deadline = time.monotonic() + _READY_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if httpx.get(f"{self.url}/healthz", trust_env=False, timeout=5).is_success:
                    return
            time.sleep(0.2)
        words = log_path.read_text(encoding="utf-8", errors="replace")[-3000:]
        raise DemoError(f"The console did not become healthy:\n{words}")


def prepare(directory: Path, secrets_by_name: Mapping[str, str]) -> Console:
    """Return a console with new keys and an empty database in the directory."""
    port = _find_port()
    url = f"http://127.0.0.1:{port}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REGATTA_")}
    environment = kept | {
        "PYTHONUNBUFFERED": "1",
        "REGATTA_DATA_DIR": str(directory),
        "REGATTA_SECRET_KEY": secrets.token_urlsafe(48),
        "REGATTA_VAULT_KEYS": "demo:" + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "REGATTA_ALLOWED_NETWORKS": "127.0.0.0/8",
        "REGATTA_LISTEN": f"127.0.0.1:{port}",
        "REGATTA_BASE_URL": url,
        **secrets_by_name,
    }
    ours = {name: value for name, value in environment.items() if name not in kept or name in secrets_by_name}
    console = Console(directory, url, environment)
    console.environment_path.touch(mode=0o600)
    console.environment_path.write_text(
        "".join(f"{name}={shlex.quote(ours[name])}\n" for name in sorted(ours))
    )
    console.manage("migrate", "--no-input", "--verbosity", "0")
    return console


def _find_port() -> int:
    for port in (_PREFERRED_PORT, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            found: int = probe.getsockname()[1]
            return found
    raise DemoError("There is no free port on 127.0.0.1.")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
