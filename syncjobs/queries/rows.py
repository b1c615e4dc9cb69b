"""A long list that is read one window at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from django.db.models import QuerySet

Row = TypeVar("Row")


class Rows(Generic[Row]):
    """
    A queryset whose slices come as rows, so that what a row needs besides is fetched for a window at once.

    With a `limit` nothing beyond it is counted or shown: a count over a million rows would cost more than the
    page, and nobody turns that many pages.
    """

    def __init__(
        self,
        queryset: QuerySet[Any],
        describe: Callable[[list[Any]], Sequence[Row]],
        *,
        limit: int | None = None,
    ) -> None:
        self._queryset = queryset
        self._describe = describe
        self.limit = limit

    def __getitem__(self, window: slice) -> Sequence[Row]:
        return self._describe(list(self._limited(self._queryset)[window]))

    def count(self) -> int:
        """Return how many rows there are, `limit` at most."""
        return self._limited(self._queryset.order_by()).count()

    def in_batches(self, size: int = 1000) -> Iterator[Row]:
        """Yield all rows, reading a batch at a time."""
        start = 0
        while rows := self[start : start + size]:
            yield from rows
            start += size

    def _limited(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset[: self.limit] if self.limit else queryset
