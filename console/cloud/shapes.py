"""
The fields of requests and responses, and how what arrived is made to fit them.

Two forms arrive. JSON has types, which clients get wrong now and then: a number or a truth value as text is taken.
The flattened form (`Rule.Filters.0.Type=name`, of GET and of older signatures) has none: truth values are `True` from
Python and `true` from Go, and Go leaves empty text out.

Source: reference/tencent-api.md 0 (5 and 6), 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from django.utils.translation import gettext as _

from console.cloud.errors import CloudError, invalid, missing

_WHOLE_NUMBER_DIGITS = 19
_MOST_ENTRIES = 200
_DEEPEST = 10
_TRUTH = {"true": True, "1": True, "false": False, "0": False}


class Kind(Enum):
    """What a value is."""

    TEXT = "string"
    NUMBER = "integer"
    FLAG = "boolean"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Field:
    """
    One field.

    `is_required` of a response means that it is never null. `is_blank` text may be left out though it is required,
    and is empty then.
    """

    kind: Kind
    is_required: bool = False
    is_list: bool = False
    is_blank: bool = False
    shape: Shape | None = None


Shape = Mapping[str, Field]
"""The fields of an object, by name."""


def text(*, required: bool = False, blank: bool = False) -> Field:
    """Return a field that holds text."""
    return Field(Kind.TEXT, is_required=required, is_blank=blank)


def number(*, required: bool = False) -> Field:
    """Return a field that holds a whole number."""
    return Field(Kind.NUMBER, is_required=required)


def flag(*, required: bool = False) -> Field:
    """Return a field that is true or false."""
    return Field(Kind.FLAG, is_required=required)


def texts(*, required: bool = False) -> Field:
    """Return a field that holds a list of texts."""
    return Field(Kind.TEXT, is_required=required, is_list=True)


def one(shape: Shape, *, required: bool = False) -> Field:
    """Return a field that holds an object."""
    return Field(Kind.OBJECT, is_required=required, shape=shape)


def many(shape: Shape, *, required: bool = False) -> Field:
    """Return a field that holds a list of objects."""
    return Field(Kind.OBJECT, is_required=required, is_list=True, shape=shape)


def fit(shape: Shape, values: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """
    Return the values as the shape has them; what was not given, or is null, is absent.

    Raises CloudError: UnknownParameter, MissingParameter or InvalidParameter, with the whole path of the field.
    """
    for name in values:
        if name not in shape:
            raise CloudError(
                "UnknownParameter",
                _("There is no parameter %(name)s.") % {"name": f"{path}{str(name)[:100]}"},
            )
    fitted: dict[str, Any] = {}
    for name, field in shape.items():
        value = values.get(name)
        if value is not None:
            fitted[name] = _fit_field(field, value, f"{path}{name}")
        elif field.is_blank:
            fitted[name] = ""
        elif field.is_required:
            raise missing(f"{path}{name}")
    return fitted


def unflatten(parameters: Mapping[str, str]) -> dict[str, Any]:
    """
    Return the tree that flattened names describe; the entries of a list are keys of digits.

    Raises CloudError if a name is a value and a branch at once, or deeper than any of ours.
    """
    tree: dict[str, Any] = {}
    for name, value in parameters.items():
        branch = tree
        *parents, leaf = name.split(".", _DEEPEST)
        if "." in leaf:
            raise invalid(name[:100])
        for parent in parents:
            branch = branch.setdefault(parent, {})
            if not isinstance(branch, dict):
                raise invalid(name[:100])
        if leaf in branch:
            raise invalid(name[:100])
        branch[leaf] = value
    return tree


def _fit_field(field: Field, value: Any, path: str) -> Any:
    if not field.is_list:
        return _fit_value(field, value, path)
    if isinstance(value, Mapping):
        value = _entries(value, path)
    if not isinstance(value, list) or len(value) > _MOST_ENTRIES:
        raise invalid(path)
    return [_fit_value(field, entry, f"{path}.{place}") for place, entry in enumerate(value)]


def _entries(values: Mapping[str, Any], path: str) -> list[Any]:
    """Return the entries of a flattened list in the order of their numbers."""
    if not all(isinstance(key, str) and key.isascii() and key.isdecimal() and len(key) < 6 for key in values):
        raise invalid(path)
    return [values[key] for key in sorted(values, key=int)]


def _fit_value(field: Field, value: Any, path: str) -> Any:
    if field.kind is Kind.OBJECT:
        if field.shape is None or not isinstance(value, Mapping):
            raise invalid(path)
        return fit(field.shape, value, f"{path}.")
    if field.kind is Kind.TEXT:
        if not isinstance(value, str) or not _is_storable(value):
            raise invalid(path)
        return value
    return _to_flag(value, path) if field.kind is Kind.FLAG else _to_number(value, path)


def _to_flag(value: Any, path: str) -> bool:
    if isinstance(value, bool):
        return value
    found = _TRUTH.get(value.lower()) if isinstance(value, str) else None
    if found is None:
        raise invalid(path)
    return found


def _to_number(value: Any, path: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63:
        return value
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if digits.isascii() and digits.isdecimal() and len(digits) < _WHOLE_NUMBER_DIGITS:
            return int(value)
    raise invalid(path)


def _is_storable(value: str) -> bool:
    """Tell whether databases take it: JSON can hold NUL and halves of surrogate pairs."""
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)
