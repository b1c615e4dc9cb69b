"""What the URL says about a long table: page, order, search."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpRequest

from syncjobs.queries.rows import Rows

PAGE_SIZE = 50
_LONGEST_SEARCH = 200


def paginate(
    request: HttpRequest,
    rows: QuerySet[Any] | Rows[Any],
    *,
    parameter: str = "page",
    size: int = PAGE_SIZE,
) -> Page[Any]:
    """
    Return the page that the URL's parameter names; a number out of range gives the nearest page.

    Two tables on one page take two parameters.
    """
    # A paginator only counts and slices; the stubs ask for more.
    return Paginator(rows, size).get_page(request.GET.get(parameter))  # type: ignore[arg-type]


def sort_of(request: HttpRequest, columns: Sequence[str]) -> str:
    """Return the column that the URL sorts by, with `-` for descending; the first column if it names none."""
    asked = request.GET.get("sort", "")
    return asked if asked.removeprefix("-") in columns else columns[0]


def search_of(request: HttpRequest) -> str:
    """Return what the URL searches for; PostgreSQL takes no NUL characters, and nobody means one."""
    return request.GET.get("q", "").replace("\x00", "").strip()[:_LONGEST_SEARCH]
