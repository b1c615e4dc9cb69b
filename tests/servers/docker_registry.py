"""Runs Debian's docker-registry (distribution 2.8) for tests that need a registry we did not write."""

import contextlib
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Self

import yaml

from tests.fakes.auth import Policy
from tests.servers.processes import Child, find_free_port, is_listening, scratch_directory
from tests.servers.token_server import ISSUER, SERVICE, TokenServer

BINARY = "docker-registry"

_ACCESS_LINE = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>[^ ?"]*)(?:\?(?P<query>[^ "]*))? HTTP/[^"]*" (?P<status>\d+)'
)


def is_installed() -> bool:
    """Tell whether the machine has a docker-registry."""
    return shutil.which(BINARY) is not None


@dataclass(frozen=True, slots=True)
class Listener:
    """An endpoint for the registry's notifications; only pushes and deletes of manifests are sent."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AccessedRequest:
    """A line of the registry's access log."""

    method: str
    path: str
    query: str
    status: int


class DockerRegistry:
    """
    A registry on a free loopback port, with storage of its own; use it as a context manager.

    In the modes `htpasswd` and `token` its one user is `username` with `password`; `tokens` is the
    token server. With `has_access_log`, the requests it served can be read back.
    """

    def __init__(
        self,
        mode: Literal["anonymous", "htpasswd", "token"] = "anonymous",
        *,
        username: str = "regatta",
        password: str = "secret",
        policy: Policy | None = None,
        token_ttl_seconds: int = 300,
        listeners: Sequence[Listener] = (),
        has_access_log: bool = False,
    ) -> None:
        self.mode = mode
        self.username = username
        self.password = password
        self.port = find_free_port()
        self.tokens: TokenServer | None = None
        if mode == "token":
            self.tokens = TokenServer(username, password, ttl_seconds=token_ttl_seconds, policy=policy)
        self._listeners = listeners
        self._has_access_log = has_access_log
        self._stack = contextlib.ExitStack()
        self._directory = Path()
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """Return the registry's address without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def credentials(self) -> tuple[str, str] | None:
        """Return username and password, None if everybody may come in."""
        return None if self.mode == "anonymous" else (self.username, self.password)

    @property
    def log_path(self) -> Path:
        """Return the file with the registry's output."""
        return self._directory / "registry.log"

    @property
    def storage_path(self) -> Path:
        """Return the directory in which the registry keeps its content."""
        return self._directory / "storage"

    @property
    def pid(self) -> int:
        """Return the process id. Raises RuntimeError while the registry does not run."""
        return self._running().pid

    @property
    def resident_bytes(self) -> int:
        """Return how much memory the registry occupies now."""
        return self._running().resident_bytes

    def token_headers(self, *scopes: str) -> dict[str, str]:
        """Return the Authorization header with a new token for these scopes; in mode `token` only."""
        if self.tokens is None:
            raise RuntimeError(f"a registry in mode {self.mode} takes no tokens")
        return {"Authorization": f"Bearer {self.tokens.token(*scopes)}"}

    def __enter__(self) -> Self:
        with self._stack:
            self._directory = self._stack.enter_context(scratch_directory("regatta-registry"))
            if self.tokens is not None:
                self._stack.enter_context(self.tokens)
            self._stack.callback(self.stop)
            self.start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self) -> None:
        """Run the registry and wait until it answers; after a stop, with the same port and content."""
        config_path = self._directory / "config.yml"
        config_path.write_text(yaml.safe_dump(self._config()))
        self._child = Child(
            [shutil.which(BINARY) or BINARY, "serve", config_path],
            log_path=self.log_path,
            environment={"PATH": "/usr/bin:/bin", "OTEL_TRACES_EXPORTER": "none"},
        )
        self._child.wait_until(lambda: is_listening(self.port))

    def stop(self) -> None:
        """End the registry and keep its content. Safe to repeat."""
        if self._child is not None:
            self._child.stop()
            self._child = None

    def kill(self) -> None:
        """End the registry at once, in the middle of whatever it does."""
        self._running().stop(signal.SIGKILL)
        self._child = None

    def restart(self) -> None:
        """Stop the registry, if it runs, and start it with the same port and content."""
        self.stop()
        self.start()

    def notify(self, *listeners: Listener) -> None:
        """Send notifications to these endpoints only; restarts the registry."""
        self._listeners = listeners
        self.restart()

    def requests(self) -> list[AccessedRequest]:
        """
        Return the requests that were served, oldest first; needs `has_access_log`.

        A request is logged a little after it was answered, so this waits until the log rests.
        """
        size = -1
        while size != (size := self.log_path.stat().st_size):
            time.sleep(0.05)
        found = _ACCESS_LINE.finditer(self.log_path.read_text(errors="replace"))
        return [AccessedRequest(m["method"], m["path"], m["query"] or "", int(m["status"])) for m in found]

    def request_count(self, method: str | None = None, path_regex: str | None = None) -> int:
        """Return how many served requests have this method and a path in which the regex is found."""
        return sum(
            (method is None or request.method == method)
            and (path_regex is None or re.search(path_regex, request.path) is not None)
            for request in self.requests()
        )

    def clear_log(self) -> None:
        """Forget the requests that were served so far."""
        self.requests()
        with self.log_path.open("r+b") as log:
            log.truncate(0)

    def _running(self) -> Child:
        if self._child is None:
            raise RuntimeError("the registry does not run")
        return self._child

    def _config(self) -> dict[str, Any]:
        config: dict[str, Any] = {
            "version": 0.1,
            "log": {"level": "warn", "accesslog": {"disabled": not self._has_access_log}},
            "storage": {
                "filesystem": {"rootdirectory": str(self.storage_path)},
                "delete": {"enabled": True},
                "maintenance": {"uploadpurging": {"enabled": False}},
            },
            "validation": {"manifests": {"urls": {"allow": ["^https?://"]}}},
            "http": {"addr": f"127.0.0.1:{self.port}", "secret": "of-no-importance"},
        }
        if self.mode == "htpasswd":
            config["auth"] = {"htpasswd": {"realm": "regatta-test", "path": str(self._write_htpasswd())}}
        if self.tokens is not None:
            certificate_path = self._directory / "token.crt"
            certificate_path.write_bytes(self.tokens.key.certificate_pem)
            config["auth"] = {
                "token": {
                    "realm": f"{self.tokens.url}/token",
                    "service": SERVICE,
                    "issuer": ISSUER,
                    "rootcertbundle": str(certificate_path),
                }
            }
        if self._listeners:
            config["notifications"] = {"events": {"includereferences": True}, "endpoints": self._endpoints()}
        return config

    def _endpoints(self) -> list[dict[str, Any]]:
        return [
            {
                "name": f"listener-{number}",
                "url": listener.url,
                "headers": {name: [value] for name, value in listener.headers.items()},
                "timeout": "2s",
                "threshold": 3,
                "backoff": "1s",
                "ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull"]},
            }
            for number, listener in enumerate(self._listeners)
        ]

    def _write_htpasswd(self) -> Path:
        path = self._directory / "htpasswd"
        made = subprocess.run(
            ["htpasswd", "-Bbn", "-C", "4", self.username, self.password],
            check=True,
            capture_output=True,
            timeout=30,
        )
        path.write_bytes(made.stdout)
        return path
