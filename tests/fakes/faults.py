"""Faults that a test asks a fake server for: what to break, in which request, how often. Does no I/O."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field


class Gate:
    """A door that holds requests until the test opens it, for tests of what happens meanwhile."""

    def __init__(self) -> None:
        self._arrivals = 0
        self._changed = threading.Condition()
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Tell whether requests may pass."""
        return self._is_open

    @property
    def arrivals(self) -> int:
        """Return how many requests have come to the gate so far."""
        return self._arrivals

    def open(self) -> None:
        """Let the held requests, and all later ones, pass."""
        self._is_open = True

    def arrive(self) -> None:
        """Note that a request stands before the gate."""
        with self._changed:
            self._arrivals += 1
            self._changed.notify_all()

    def wait_until_reached(self, arrivals: int = 1, *, timeout_seconds: float = 10) -> None:
        """
        Block the test until so many requests have come to the gate.

        Raises TimeoutError if they did not come.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._arrivals >= arrivals, timeout_seconds):
                raise TimeoutError(f"{self._arrivals} of {arrivals} requests reached the gate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """
    One way to misbehave, for the requests that match.

    `method` empty means any; `path` and `query` are regular expressions that are searched for.
    The first `after` matching requests pass unharmed, the next `times` do not (None: all of them).
    Several effects can be combined. Only the first fault that matches a request applies to it.
    """

    method: str = ""
    path: str = ""
    query: str = ""
    times: int | None = 1
    after: int = 0

    # Before the request is handled
    delay_seconds: float = 0
    """Wait before anything else."""
    gate: Gate | None = None
    """Hold the request until the gate is opened."""
    cut_request_after: int | None = None
    """Take this many bytes of the request's body, then cut the connection; 0 cuts at once."""
    lose_upload: bool = False
    """Forget the upload session that the request names."""

    # Instead of handling the request
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    redirect_to: str | None = None
    """Answer `status` (307 if None) with this Location; `{path}` in it stands for the request's path."""

    # On the way out
    drop_headers: tuple[str, ...] = ()
    """Leave these response headers out; without Content-Length the body goes out chunked."""
    replace_headers: Mapping[str, str] = field(default_factory=dict)
    lose_answer: bool = False
    """Handle the request, then cut the connection without an answer."""
    wrong_bytes: bool = False
    """Change the first byte of the body; its length stays right."""
    truncate_to: int | None = None
    """Send a shorter body, with a Content-Length that agrees with it."""
    cut_response_after: int | None = None
    """Announce the full Content-Length, send this many bytes of the body, then cut the connection."""
    stall_after: int | None = None
    stall_seconds: float = 3600
    """Send `stall_after` bytes of the body, then nothing for `stall_seconds`, then the rest."""

    @property
    def answers_itself(self) -> bool:
        """Tell whether the request is answered without being handled."""
        return self.status is not None or self.redirect_to is not None

    def matches(self, method: str, path: str, query: str) -> bool:
        """Tell whether the fault is meant for such a request."""
        return (
            (not self.method or method == self.method)
            and re.search(self.path, path) is not None
            and re.search(self.query, query) is not None
        )

    def shape(self, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the body as the client is to see it, with a chunk boundary wherever something happens."""
        marks = sorted({m for m in (self.cut_response_after, self.stall_after) if m})
        position = 0
        for original in chunks:
            chunk = original
            if self.wrong_bytes and position == 0 and chunk:
                chunk = bytes([chunk[0] ^ 0xFF]) + chunk[1:]
            end = position + len(chunk)
            for mark in [m for m in marks if position < m < end] + [end]:
                yield chunk[: mark - position]
                chunk = chunk[mark - position :]
                position = mark


class FaultList:
    """The faults of one server, with the count of how often each was considered."""

    def __init__(self) -> None:
        self._pending: list[tuple[Fault, list[int]]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Add a fault behind the ones that are there."""
        with self._lock:
            self._pending.append((fault, [0]))

    def clear(self) -> None:
        """Behave again."""
        with self._lock:
            self._pending.clear()

    def take(self, method: str, path: str, query: str) -> Fault | None:
        """Return the fault that applies to this request, and count it."""
        if not self._pending:
            return None
        with self._lock:
            for fault, seen in self._pending:
                if not fault.matches(method, path, query):
                    continue
                seen[0] += 1
                if seen[0] > fault.after and (fault.times is None or seen[0] <= fault.after + fault.times):
                    return fault
        return None
