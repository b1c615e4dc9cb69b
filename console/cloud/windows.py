"""
Which part of a list is asked for. The vendor has three ways; source: reference/tencent-api.md 1, paging.

Clients ask for 200 where 100 is the most: that is cut silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.cloud.errors import invalid

MOST = 100
_FARTHEST = 10**9


def by_row(values: Mapping[str, Any], *, default: int = 20, most: int = MOST) -> slice:
    """Return the window of `Offset` rows passed over and `Limit` shown."""
    start, size = _of(values, "Offset", 0), _size(values, "Limit", default, most)
    return slice(start, start + size)


def by_page_offset(values: Mapping[str, Any], *, default: int = 20) -> slice:
    """Return the window of `Limit` entries where `Offset` is the number of a page; 0 is the first, like 1."""
    return _page(_of(values, "Offset", 1), _size(values, "Limit", default, MOST))


def by_page(values: Mapping[str, Any]) -> slice:
    """Return the window of `Page` and `PageSize`, a hundred entries unless told."""
    return _page(_of(values, "Page", 1), _size(values, "PageSize", MOST, MOST))


def _page(number: int, size: int) -> slice:
    start = min((max(number, 1) - 1) * size, _FARTHEST)
    return slice(start, start + size)


def _size(values: Mapping[str, Any], name: str, default: int, most: int) -> int:
    return min(_of(values, name, default) or default, most)


def _of(values: Mapping[str, Any], name: str, default: int) -> int:
    value: int = values.get(name, default)
    if value < 0:
        raise invalid(name)
    return min(value, _FARTHEST)
