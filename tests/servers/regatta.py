"""Runs Regatta itself as a user does: `manage.py` in processes, with a data directory and database of its own."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

import httpx

from tests import environment
from tests.servers.processes import Child, find_free_port, scratch_directory

ROOT = Path(__file__).resolve().parents[2]
COMMAND_TIMEOUT_SECONDS = 120
_MIGRATED = Path(os.environ["REGATTA_DATA_DIR"]) / "migrated.sqlite3"
_TEMPLATE = "regatta_template"


class Regatta:
    """
    An installation of Regatta; use it as a context manager.

    SQLite, or a fresh database of the session's PostgreSQL where the suite runs on that. `variables` are
    further REGATTA_ settings. Everything it started ends with it.
    """

    def __init__(self, variables: Mapping[str, str] | None = None) -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._extra = dict(variables or {})
        self._stack = contextlib.ExitStack()
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Self:
        with self._stack:
            self.directory = self._stack.enter_context(scratch_directory("regatta"))
            self.environment = self._make_environment()
            self._prepare_database()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def manage(self, *arguments: str, expect: int | None = 0) -> subprocess.CompletedProcess[str]:
        """Run a command of manage.py; fail unless it exits with the expected code (None: any)."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_TIMEOUT_SECONDS,
            check=False,
        )
        if expect is not None:
            assert done.returncode == expect, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done

    def manage_json(self, *arguments: str, expect: int | None = 0) -> Any:
        """Run a command with --json and return what it printed."""
        return json.loads(self.manage(*arguments, "--json", expect=expect).stdout)

    def apply(self, text: str, *arguments: str, expect: int = 0) -> subprocess.CompletedProcess[str]:
        """Apply a declarative file with this text."""
        path = self.directory / "regatta.yaml"
        path.write_text(text, encoding="utf-8")
        return self.manage("apply", str(path), *arguments, expect=expect)

    def trigger(self, rule: str, *, expect: int = 0, timeout: int = 90) -> Any:
        """Trigger a rule, wait for its end, and return the object that the command printed."""
        return self.manage_json("trigger_rule", rule, "--wait", "--timeout", str(timeout), expect=expect)

    def start_worker(self) -> Child:
        """Start `manage.py worker`; it stops with this object at the latest."""
        child = self._start("worker")
        self._stack.callback(child.stop)
        return child

    def start_serve(self) -> Child:
        """Start `manage.py serve` and wait until its console answers."""
        child = self._start("serve", "--no-migrate")
        self._stack.callback(child.stop)
        child.wait_until(self._answers)
        return child

    def _prepare_database(self) -> None:
        """Migrate a database once a session, and copy it from then on."""
        if "REGATTA_DATABASE_URL" in self._extra:
            self.manage("migrate", "--verbosity", "0")
        elif environment.server is not None:
            if not _MIGRATED.exists():
                self.environment["REGATTA_DATABASE_URL"] = environment.server.create_database(_TEMPLATE)
                self.manage("migrate", "--verbosity", "0")
                _MIGRATED.touch()
            name = f"regatta_{uuid.uuid4().hex[:12]}"
            url = environment.server.create_database(name, template=_TEMPLATE)
            self.environment["REGATTA_DATABASE_URL"] = url
        elif _MIGRATED.exists():
            shutil.copyfile(_MIGRATED, self.directory / "regatta.sqlite3")
        else:
            self.manage("migrate", "--verbosity", "0")
            shutil.copyfile(self.directory / "regatta.sqlite3", _MIGRATED)

    def _start(self, *arguments: str) -> Child:
        return Child(
            [sys.executable, "manage.py", *arguments],
            log_path=self.directory / f"{arguments[0]}.log",
            environment=self.environment,
            directory=ROOT,
        )

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def _make_environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REGATTA_")}
        key = base64.urlsafe_b64encode(os.urandom(32)).decode()
        settings = {
            "REGATTA_DATA_DIR": str(self.directory),
            "REGATTA_DEBUG": "true",
            "REGATTA_SECRET_KEY": uuid.uuid4().hex * 2,
            "REGATTA_VAULT_KEYS": f"k1:{key}",
            "REGATTA_ALLOWED_NETWORKS": "127.0.0.0/8",
            "REGATTA_BASE_URL": self.url,
            "REGATTA_LISTEN": f"127.0.0.1:{self.port}",
        }
        return kept | settings | self._extra
