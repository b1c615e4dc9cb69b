"""How tests read pages."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client


def text_of(response: Any) -> str:
    """Return the visible text of a page or fragment, blanks made single ones."""
    without_tags = re.sub(r"<[^>]+>", " ", response.content.decode())
    return " ".join(html.unescape(without_tags).replace("\xa0", " ").split())


def table_heads(response: Any) -> list[str]:
    """Return the words of the first table's head."""
    head = re.search(r"<thead>(.*?)</thead>", response.content.decode(), re.DOTALL)
    assert head, "the page has no table"
    cells = re.findall(r"<th[^>]*>(.*?)</th>", head[1], re.DOTALL)
    return [" ".join(html.unescape(re.sub(r"<[^>]+>", "", cell)).split()) for cell in cells]


def get_fragment(client: Client, url: str, target: str) -> Any:
    """Return what htmx would get for the element of this id."""
    return client.get(url, headers={"HX-Request": "true", "HX-Target": target})
