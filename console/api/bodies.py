"""
Bodies of requests: JSON in the shape of a form, which validates them.

Nothing is validated twice. What is checked here is only what a form cannot see: that a name is known, and that a
value has the type of its field in JSON. The same table makes the schema of the body (`schema.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, TypeVar

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.request import Request

from console.api.problems import Invalid, errors_of
from registries.forms.access_credential import NamespacesField, PermissionsField
from registries.forms.acting import ActingForm
from registries.forms.fields import QuantityField
from registries.models import Action

Saved = TypeVar("Saved")


@dataclass(frozen=True, slots=True)
class Shape:
    """What a field is in JSON: its schema, the words for it, and the form's own input made of it."""

    schema: Mapping[str, Any]
    words: Callable[[], str]
    fits: Callable[[object], bool]
    convert: Callable[[Any], Any] = field(default=lambda value: value)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and (isinstance(value, int) or value.is_integer())  # type: ignore[attr-defined]


def _is_list_of_texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _is_table(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_list_of_texts, value.values()))


_TEXTS = {"type": "array", "items": {"type": "string"}}
_TABLE = {
    "type": "object",
    "additionalProperties": {"type": "array", "items": {"type": "string", "enum": list(Action.values)}},
}
_BOOLEAN = Shape({"type": "boolean"}, lambda: _("Give true or false."), lambda value: isinstance(value, bool))
_TEXT = Shape({"type": "string"}, lambda: _("Give a text."), lambda value: isinstance(value, str))
_WHOLE = Shape({"type": "integer"}, lambda: _("Give a whole number."), _is_whole, int)
_NUMBER = Shape({"type": "number"}, lambda: _("Give a number."), _is_number)
_QUANTITY = Shape(
    {"type": ["integer", "string"]},
    lambda: _("Give a whole number, or a text with a unit."),
    lambda value: isinstance(value, str) or _is_whole(value),
    lambda value: value if isinstance(value, str) else int(value),
)
_MOMENT = Shape(
    {"type": "string", "format": "date-time"},
    lambda: _("Give a time such as “2030-01-31T12:00:00Z”."),
    lambda value: isinstance(value, str),
)
_NAMES = Shape(_TEXTS, lambda: _("Give a list of texts."), _is_list_of_texts)
_PERMISSIONS = Shape(
    _TABLE,
    lambda: _("Give an object such as {“project”: [“pull”, “push”]}."),
    _is_table,
    lambda value: [f"{name}: {', '.join(actions)}" for name, actions in value.items()],
)
_SHAPES: tuple[tuple[type[forms.Field], Shape], ...] = (
    (forms.BooleanField, _BOOLEAN),
    (NamespacesField, _NAMES),
    (PermissionsField, _PERMISSIONS),
    (QuantityField, _QUANTITY),
    (forms.DateTimeField, _MOMENT),
    (forms.FloatField, _NUMBER),
    (forms.IntegerField, _WHOLE),
    (forms.Field, _TEXT),
)
_MAY_BE_NULL = (QuantityField, forms.DateTimeField, forms.FloatField)


def shape_of(form_field: forms.Field) -> Shape:
    """Return what a field is in JSON."""
    return next(shape for kind, shape in _SHAPES if isinstance(form_field, kind))


def is_nullable(form_field: forms.Field) -> bool:
    """Tell whether null is a value of the field: those that show as null where there is none."""
    return isinstance(form_field, _MAY_BE_NULL) and not form_field.required


class FormBody(serializers.BaseSerializer[Any]):
    """
    A body whose keys are the fields of a form.

    A subclass names the form, what of it programs do not give, and fields for which the form's default is the
    pages' alone. `is_partial`: what is left out stays as it is.
    """

    form: ClassVar[type[forms.Form]]
    leaves_out: ClassVar[frozenset[str]] = frozenset()
    without_default: ClassVar[frozenset[str]] = frozenset()
    is_partial: ClassVar[bool] = False

    @classmethod
    def form_fields(cls) -> dict[str, forms.Field]:
        """Return the fields by name, in the form's order."""
        fields: dict[str, forms.Field] = cls.form.base_fields
        return {name: one for name, one in fields.items() if name not in cls.leaves_out}

    @classmethod
    def read(cls, request: Request, stored: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """
        Return the data to bind the form to: the body over what is stored, or over the form's defaults.

        Raises Invalid for keys that are none, and for values of another type.
        """
        fields = cls.form_fields()
        body = request.data
        if not isinstance(body, dict):
            raise Invalid(errors=[("", _("Send a JSON object."))])
        errors = [(name, _("There is no such field.")) for name in body if name not in fields]
        values: dict[str, Any] = {}
        for name in body.keys() & fields.keys():
            shape, value = shape_of(fields[name]), body[name]
            if value is None and is_nullable(fields[name]):
                values[name] = None
            elif not shape.fits(value):
                errors.append((name, shape.words()))
            else:
                values[name] = shape.convert(value)
        if errors:
            raise Invalid(errors=errors)
        return dict(cls.defaults() if stored is None else stored) | values

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Return the values of what a new object's body leaves out."""
        return {
            name: one.initial
            for name, one in cls.form_fields().items()
            if one.initial is not None and name not in cls.without_default
        }


def save(form: ActingForm, act: Callable[[datetime], Saved]) -> Saved:
    """
    Return what `act` (the form's own `save`) made of a valid form.

    Raises Invalid if the form is not valid, now or when it is saved; what services raise goes on.
    """
    if not form.is_valid():
        raise Invalid(errors=errors_of(form))
    try:
        return act(timezone.now())
    except ValidationError:
        raise Invalid(errors=errors_of(form)) from None
