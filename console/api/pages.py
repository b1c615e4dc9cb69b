"""The envelopes of long lists, for the schema."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import inline_serializer
from rest_framework import serializers


def numbered(row: type[serializers.BaseSerializer[Any]]) -> serializers.Serializer[Any]:
    """Return what `paging.by_number` answers."""
    return inline_serializer(
        f"{_name_of(row)}Page",
        {
            "count": serializers.IntegerField(),
            "next": serializers.URLField(allow_null=True),
            "previous": serializers.URLField(allow_null=True),
            "results": row(many=True),
        },
    )


def cursored(row: type[serializers.BaseSerializer[Any]]) -> serializers.Serializer[Any]:
    """Return what `paging.by_cursor` answers."""
    return inline_serializer(
        f"{_name_of(row)}Log",
        {"next": serializers.URLField(allow_null=True), "results": row(many=True)},
    )


def _name_of(row: type[serializers.BaseSerializer[Any]]) -> str:
    return row.__name__.removesuffix("Serializer")
