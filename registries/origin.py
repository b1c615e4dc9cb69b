"""Where the current act comes from: set once a request, read by the audit log. No Django."""

from __future__ import annotations

from contextvars import ContextVar

client_address: ContextVar[str | None] = ContextVar("client_address", default=None)
