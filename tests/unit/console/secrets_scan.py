"""Looks for secrets wherever they must not be: tables, sessions, logs, pages, output. Spelled in any usual way."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

MOST_PAGES = 400
_LINK = re.compile(r'(?:href|hx-get|action)="(/[^"]*)"')


def spellings(secret: str, username: str = "") -> set[str]:
    """Return the secret as texts of different kinds would show it."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    pair = base64.b64encode(f"{username}:{secret}".encode()).decode().rstrip("=")
    return {secret, quote(secret, safe=""), html.escape(secret), json.dumps(secret)[1:-1], encoded, pair}


@dataclass
class Scan:
    """Secrets to look for, by what they are, and where they were found."""

    secrets: dict[str, set[str]] = field(default_factory=dict)
    places: list[str] = field(default_factory=list)
    found: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, secret: str, username: str = "") -> str:
        """Look for this secret from now on, and return it."""
        self.secrets[name] = spellings(secret, username)
        return secret

    def look(self, place: str, text: str) -> None:
        """Note which secrets stand in the text."""
        self.places.append(place)
        for name, words in self.secrets.items():
            if any(word in text for word in words):
                self.found.append((place, name))

    def look_at_database(self) -> None:
        """Look at every value of every table, and into the sessions."""
        with connection.cursor() as cursor:
            for table in connection.introspection.table_names(cursor):
                cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
                self.look(f"table {table}", "\n".join(map(str, cursor.fetchall())))
        for session in Session.objects.all():
            self.look("a session", json.dumps(session.get_decoded()))

    def look_at_pages(self, client: Client, name: str, *starts: str) -> list[str]:
        """Look at every page that links lead to, downloads included, and return their paths."""
        paths: dict[str, None] = dict.fromkeys(starts)
        seen: list[str] = []
        while paths and len(seen) < MOST_PAGES:
            path = next(iter(paths))
            del paths[path]
            seen.append(path)
            response = client.get(path)
            text = response.getvalue().decode("utf-8", "replace")
            self.look(f"{name} at {path}", f"{response.headers}\n{text}")
            paths |= dict.fromkeys(link for link in _links(text) if link not in seen)
        return seen


def _links(text: str) -> Iterator[str]:
    for found in _LINK.findall(text):
        parts = urlsplit(html.unescape(found))
        is_page = not parts.path.startswith("/static/") and "sign-out" not in parts.path
        if is_page and "logout" not in parts.path and "sort=" not in parts.query and "o=" not in parts.query:
            yield f"{parts.path}?{parts.query}" if parts.query else parts.path
