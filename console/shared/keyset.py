"""
Turns the pages of a log by position instead of by number.

A log grows while it is read, and it may be long: `after this row` stays where it was and costs the same on every
page, where an offset does neither.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest

PAGE_SIZE = 50
_BATCH = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"(-?\d{1,17})\.(\d{1,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Window:
    """
    Some rows of a log, the newest first.

    `older` and `newer` are the queries of the neighbouring pages, None where there is none.
    """

    rows: list[Any]
    older: str | None
    newer: str | None


def turn(request: HttpRequest, rows: QuerySet[Any], *, time_field: str, size: int = PAGE_SIZE) -> Window:
    """
    Return the window that the URL's `before` or `after` names; the newest rows if it names none.

    The position is that of a row, which need not exist any longer.
    """
    before, after = _position(request, "before"), _position(request, "after")
    if before is None and after is not None:
        newer = list(_beyond(rows, time_field, after, is_newer=True)[: size + 1])
        if len(newer) > size:
            found = newer[:size][::-1]
            return _window(request, found, time_field, has_newer=True, has_older=True)
        before = None
    found = list((rows if before is None else _beyond(rows, time_field, before))[: size + 1])
    return _window(
        request, found[:size], time_field, has_newer=before is not None, has_older=len(found) > size
    )


def in_batches(rows: QuerySet[Any], *, time_field: str, size: int = _BATCH) -> Iterator[Any]:
    """Yield all rows, the newest first, reading a batch at a time; rows that are added meanwhile are left out."""
    batch = list(_ordered(rows, time_field)[:size])
    while batch:
        yield from batch
        last = batch[-1]
        batch = list(_beyond(rows, time_field, (getattr(last, time_field), last.pk))[:size])


def _window(
    request: HttpRequest, found: list[Any], time_field: str, *, has_newer: bool, has_older: bool
) -> Window:
    return Window(
        rows=found,
        older=_query(request, before=found[-1], time_field=time_field) if found and has_older else None,
        newer=_query(request, after=found[0], time_field=time_field) if found and has_newer else None,
    )


def _ordered(rows: QuerySet[Any], time_field: str, *, is_newer: bool = False) -> QuerySet[Any]:
    return rows.order_by(time_field, "pk") if is_newer else rows.order_by(f"-{time_field}", "-pk")


def _beyond(
    rows: QuerySet[Any], time_field: str, position: tuple[datetime, int], *, is_newer: bool = False
) -> QuerySet[Any]:
    """Return the rows beyond the position, those nearest to it first."""
    moment, pk = position
    side = "gt" if is_newer else "lt"
    # The first condition is implied by the second; it is what an index on the time can use.
    beyond = Q(**{f"{time_field}__{side}e": moment}) & (
        Q(**{f"{time_field}__{side}": moment}) | Q(**{f"pk__{side}": pk})
    )
    return _ordered(rows.filter(beyond), time_field, is_newer=is_newer)


def _position(request: HttpRequest, parameter: str) -> tuple[datetime, int] | None:
    match = _CURSOR.fullmatch(request.GET.get(parameter, ""))
    if match is None:
        return None
    try:
        return _EPOCH + int(match[1]) * _MICROSECOND, int(match[2])
    except OverflowError:
        return None


def _query(request: HttpRequest, *, time_field: str, **position: Any) -> str:
    """Return the URL's query with this position in place of its own."""
    query = request.GET.copy()
    for name in ("before", "after"):
        query.pop(name, None)
    for name, row in position.items():
        microseconds = (getattr(row, time_field) - _EPOCH) // _MICROSECOND
        query[name] = f"{microseconds}.{row.pk}"
    return f"?{query.urlencode()}"
