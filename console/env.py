"""
Typed reading of the environment, for `console/settings.py` and nothing else.

Every variable is read through one of these functions, so that a missing or malformed one stops the start
with a sentence that names it. It holds no setting itself.
"""

from __future__ import annotations

import base64
import binascii
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Environment:
    """The process environment under one prefix; `variables` is `os.environ` except in tests."""

    variables: Any = None
    prefix: str = "REGATTA_"

    def find(self, name: str) -> str | None:
        """
        Return the variable's text, or None if it is not set.

        A variable `NAME_FILE` names a file that holds the value (a Docker or systemd secret).

        Raises ImproperlyConfigured if both are set, or the file can't be read.
        """
        variables = os.environ if self.variables is None else self.variables
        full_name = self.prefix + name
        value: str | None = variables.get(full_name)
        file_name: str | None = variables.get(full_name + "_FILE")
        if file_name is None:
            return value
        if value is not None:
            raise ImproperlyConfigured(f"Set {full_name} or {full_name}_FILE, not both.")
        try:
            return Path(file_name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ImproperlyConfigured(f"{full_name}_FILE: cannot read {file_name}: {error}.") from None

    def text(self, name: str, default: str | None = None) -> str:
        """
        Return the variable, or the default if it is not set or empty.

        Raises ImproperlyConfigured if it is not set and has no default.
        """
        value = self.find(name)
        if value:
            return value
        if default is None:
            raise ImproperlyConfigured(f"{self.prefix}{name} is not set.")
        return default

    def boolean(self, name: str, *, default: bool = False) -> bool:
        """Return whether the variable says true; raises ImproperlyConfigured if it is no truth value."""
        value = self.find(name)
        if value is None:
            return default
        if value.lower() in _TRUE:
            return True
        if value.lower() in _FALSE:
            return False
        raise ImproperlyConfigured(f"{self.prefix}{name} must be true or false, not {value!r}.")

    def integer(self, name: str, default: int, *, minimum: int = 0) -> int:
        """Return the variable as a whole number; raises ImproperlyConfigured if it is none or below minimum."""
        value = self.find(name)
        if value is None or value == "":
            return default
        try:
            number = int(value)
        except ValueError:
            raise ImproperlyConfigured(
                f"{self.prefix}{name} must be a whole number, not {value!r}."
            ) from None
        if number < minimum:
            raise ImproperlyConfigured(f"{self.prefix}{name} must be at least {minimum}, not {number}.")
        return number

    def words(self, name: str, default: str = "") -> list[str]:
        """Return the comma-separated words of the variable, without blanks and empty ones."""
        return [word.strip() for word in self.text(name, default).split(",") if word.strip()]

    def secret(self, name: str, *, generated_at: Path | None) -> str:
        """
        Return a secret; where it is not set, keep a generated one in the file `generated_at`.

        `generated_at` is None in production: a key that silently appears would silently be lost.

        Raises ImproperlyConfigured if it is not set and may not be generated.
        """
        value = self.find(name)
        if value:
            return value
        if generated_at is None:
            raise ImproperlyConfigured(f"{self.prefix}{name} (or {self.prefix}{name}_FILE) is not set.")
        if not generated_at.exists():
            generated_at.parent.mkdir(parents=True, exist_ok=True)
            generated_at.touch(mode=0o600)
            generated_at.write_text(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(), "utf-8")
        return generated_at.read_text("utf-8").strip()


def parse_vault_keys(value: str, *, name: str) -> dict[str, bytes]:
    """
    Return key id → 32-byte key of a key ring written as `id:base64,id:base64`; the first one seals.

    Raises ImproperlyConfigured, without showing the key, if an entry is malformed.
    """
    ring: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in value.split(","))):
        key_id, _, encoded = entry.rpartition(":")
        key_id = key_id or "default"
        try:
            key = base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        except (binascii.Error, ValueError):
            raise ImproperlyConfigured(f"{name}: key {key_id!r} is not base64.") from None
        if len(key) != 32:
            raise ImproperlyConfigured(f"{name}: key {key_id!r} must be 32 bytes long, not {len(key)}.")
        if key_id in ring or "." in key_id:
            raise ImproperlyConfigured(f"{name}: key id {key_id!r} is repeated or holds a dot.")
        ring[key_id] = key
    if not ring:
        raise ImproperlyConfigured(f"{name} holds no key.")
    return ring


def parse_database_url(value: str, *, name: str) -> dict[str, Any]:
    """
    Return Django's DATABASES entry for `sqlite:///path` or `postgresql://user:password@host:port/name`.

    Source: design/workers.md items 5 and 7 for the options.

    Raises ImproperlyConfigured if the scheme is another or the database has no name.
    """
    parts = urlsplit(value)
    options = dict(parse_qsl(parts.query))
    if parts.scheme == "sqlite":
        path = unquote(parts.path)[1:]
        if not path:
            raise ImproperlyConfigured(f"{name}: sqlite:///path names no file.")
        return _sqlite(path)
    if parts.scheme in {"postgres", "postgresql"}:
        database = unquote(parts.path.lstrip("/"))
        if not database:
            raise ImproperlyConfigured(f"{name}: the address names no database.")
        try:
            port = parts.port
        except ValueError:
            raise ImproperlyConfigured(f"{name}: the port is no number.") from None
        return {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": database,
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": unquote(parts.hostname or options.pop("host", "")),
            "PORT": str(port or ""),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": options,
        }
    raise ImproperlyConfigured(f"{name} must begin with sqlite:/// or postgresql://.")


def _sqlite(path: str) -> dict[str, Any]:
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": path,
        "TEST": {"NAME": f"{path}.test"},
        "CONN_MAX_AGE": 600,
        "OPTIONS": {
            "timeout": 20,
            "transaction_mode": "IMMEDIATE",
            "init_command": "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;PRAGMA busy_timeout=20000;",
        },
    }
