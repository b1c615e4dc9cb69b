"""
Long lists: tables by number, logs by cursor, and the filters of both.

A log grows while it is read, and it may be long: `after this row` stays where it was, and costs the same each time.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request

from console.api.problems import BadParameter, errors_of
from registries.forms.acting import check_encodable
from syncjobs.queries.rows import Rows

LARGEST_PAGE = 200
_PAGE_SIZE = 50
_LAST_PAGE = 100_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_POSITION = re.compile(r"(-?\d{1,17})\.(\d{1,18})", re.ASCII)

Filter = TypeVar("Filter", bound=forms.Form)
Describe = Callable[[Any], Iterable[Any]]
"""Makes the results of the rows of a page: a queryset's slice, or a list."""

Pick = Callable[[QuerySet[Any], int], list[int]]
"""Returns the ids of so many first rows, by falling id."""


class PageForm(forms.Form):
    """The parameters of a table; a subclass adds filters."""

    page = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=_LAST_PAGE,
        help_text=gettext_lazy("Number of the page, from 1."),
    )
    page_size = forms.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, help_text=gettext_lazy("Rows of a page; 50.")
    )


class CursorForm(forms.Form):
    """The parameters of a log, the newest rows first; a subclass adds filters."""

    cursor = forms.CharField(
        required=False, max_length=200, help_text=gettext_lazy("Where to go on, from `next`.")
    )
    page_size = forms.IntegerField(
        required=False, min_value=1, max_value=LARGEST_PAGE, help_text=gettext_lazy("Rows of a page; 50.")
    )


def parameters(request: Request, form: type[Filter]) -> dict[str, Any]:
    """Return the values of the URL's parameters; raises BadParameter for one that is none of its kind."""
    bound = form(request.query_params)
    for one in bound.fields.values():
        if isinstance(one, forms.CharField):
            one.validators.append(check_encodable)
    if not bound.is_valid():
        raise BadParameter(errors=errors_of(bound))
    return bound.cleaned_data


def choices_of(columns: Iterable[str]) -> list[tuple[str, str]]:
    """Return the choices of a parameter `ordering`: each column upwards and downwards."""
    return [("", "")] + [(f"{sign}{name}", f"{sign}{name}") for name in columns for sign in ("", "-")]


def by_number(
    request: Request, values: dict[str, Any], rows: QuerySet[Any] | Rows[Any], describe: Describe = list
) -> dict[str, Any]:
    """Return the page that the parameters name; one beyond the end has no rows."""
    number, size = values["page"] or 1, values["page_size"] or _PAGE_SIZE
    count = rows.count()
    start = (number - 1) * size
    results = list(describe(rows[start : start + size])) if start < count else []
    return {
        "count": count,
        "next": url(request, page=number + 1) if start + size < count else None,
        "previous": url(request, page=number - 1) if number > 1 else None,
        "results": results,
    }


def by_cursor(
    request: Request,
    values: dict[str, Any],
    rows: QuerySet[Any],
    describe: Describe = list,
    *,
    time_field: str = "",
    pick: Pick | None = None,
) -> dict[str, Any]:
    """
    Return the rows behind the cursor, by falling id, or by falling time and id.

    `pick` finds the ids of the first rows where that takes more than the order. The row of a cursor need not exist
    any longer. Raises BadParameter for a cursor that is none.
    """
    size = values["page_size"] or _PAGE_SIZE
    if values["cursor"]:
        moment, pk = _read_cursor(values["cursor"])
        if time_field:
            # The first condition is implied by the second; it is what an index on the time can use.
            rows = rows.filter(
                Q(**{f"{time_field}__lte": moment}), Q(**{f"{time_field}__lt": moment}) | Q(pk__lt=pk)
            )
        else:
            rows = rows.filter(pk__lt=pk)
    order = [f"-{time_field}", "-pk"] if time_field else ["-pk"]
    # In two steps: the first reads no more than an index, however long the log is.
    if pick is None:
        ids = list(rows.select_related(None).order_by(*order).values_list("pk", flat=True)[: size + 1])
    else:
        ids = pick(rows, size + 1)
    found = list(rows.filter(pk__in=ids).order_by(*order))
    shown = found[:size]
    following = cursor_of(shown[-1], time_field) if len(found) > size else None
    return {
        "next": url(request, cursor=following) if following else None,
        "results": list(describe(shown)),
    }


def cursor_of(row: Any, time_field: str = "") -> str:
    """Return the cursor of what comes after the row."""
    microseconds = (getattr(row, time_field) - _EPOCH) // _MICROSECOND if time_field else 0
    return base64.urlsafe_b64encode(f"{microseconds}.{row.pk}".encode()).decode().rstrip("=")


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode(
            "ascii"
        )
        match = _POSITION.fullmatch(text)
        if match is not None:
            return _EPOCH + int(match[1]) * _MICROSECOND, int(match[2])
    except (binascii.Error, ValueError, OverflowError):
        pass
    message = _("This is no cursor: give the one of an earlier answer, as it was.")
    raise BadParameter(errors=[("cursor", message)])


def url(request: Request, **changed: Any) -> str:
    """Return the address of the request with other parameters."""
    query = request.query_params.copy()
    for name, value in changed.items():
        query[name] = str(value)
    return request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
