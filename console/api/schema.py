"""
The OpenAPI description of the API, at `/api/v1/schema/` and in docs/reference/openapi.yaml.

Bodies and parameters are described by the forms that read them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import import_module
from typing import Any

from django import forms
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from console.api.bodies import FormBody, is_nullable, shape_of
from console.api.problems import MEDIA_TYPE

PREFIX = "/api/v1/"


class ProblemEntrySerializer(serializers.Serializer[Any]):
    """A field at fault; "" is the whole request."""

    field = serializers.CharField(allow_blank=True)
    message = serializers.CharField()


class ProblemSerializer(serializers.Serializer[Any]):
    """What went wrong; RFC 9457."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(allow_blank=True)
    errors = ProblemEntrySerializer(many=True)  # type: ignore[assignment]  # DRF takes declared fields away
    request_id = serializers.CharField(allow_blank=True)


class Schema(AutoSchema):
    """Describes a view: its docstring in words, its module as tag, and a problem as any other answer."""

    def get_tags(self) -> list[str]:
        """Return the noun."""
        return [type(self.view).__module__.rpartition(".")[2]]

    def get_operation_id(self) -> str:
        """Return the name of the URL, such as `trigger_rule`, with the method where it answers several."""
        name = _url_names()[self.path]
        acts = [method for method in ("get", "post", "patch", "delete") if hasattr(self.view, method)]
        return name if acts == ["post"] else f"{self.method.lower()}_{name}"

    def get_summary(self) -> str:
        """Return the first sentence of the docstring, without its full stop."""
        return super().get_description().partition("\n")[0].strip().removesuffix(".")

    def get_description(self) -> str:  # type: ignore[override]  # drf-spectacular's own has no arguments
        """Return what the docstring says beyond it."""
        return super().get_description().partition("\n")[2].strip()

    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """Return the operation, to which each refusal and each mistake is answered with a problem."""
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        problem: ResolvedComponent = self.resolve_serializer(ProblemSerializer, "response")
        operation["responses"]["default"] = {
            "description": "A problem",
            "content": {MEDIA_TYPE: {"schema": problem.ref}},
        }
        return operation


class FormBodyExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # registers itself
    """Describes a body by the fields of its form."""

    target_class = FormBody
    match_subclasses = True

    def get_name(self, auto_schema: AutoSchema, direction: str) -> str:
        """Return the name of the component."""
        return type(self.target).__name__

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        """Return the schema."""
        body: type[FormBody] = type(self.target)
        fields = body.form_fields()
        defaults = {} if body.is_partial else body.defaults()
        properties = {name: describe(one) for name, one in fields.items()}
        for name, value in defaults.items():
            properties[name]["default"] = getattr(value, "value", value)
        schema: dict[str, Any] = {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
        required = [name for name, one in fields.items() if one.required and name not in defaults]
        if required and not body.is_partial:
            schema["required"] = required
        return schema


def query(form: type[forms.Form]) -> list[OpenApiParameter]:
    """Return the parameters of the URL that the form reads."""
    fields: dict[str, forms.Field] = form.base_fields
    return [
        OpenApiParameter(
            name,
            {key: value for key, value in describe(one).items() if key != "description"},
            OpenApiParameter.QUERY,
            required=one.required,
            description=str(one.help_text),
        )
        for name, one in fields.items()
    ]


def describe(field: forms.Field) -> dict[str, Any]:
    """Return the schema of a field's value."""
    schema: dict[str, Any] = dict(shape_of(field).schema)
    for name, source in (("maxLength", "max_length"), ("minimum", "min_value"), ("maximum", "max_value")):
        limit = getattr(field, source, None)
        if limit is not None:
            schema[name] = limit
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        schema["enum"] = _choices_of(field)
    elif schema["type"] == "string" and field.required:
        schema["minLength"] = 1
    words = ". ".join(filter(None, [str(field.label or ""), str(field.help_text)]))
    if words:
        schema["description"] = words
    return _or_null(schema) if is_nullable(field) else schema


def only_this_version(endpoints: list[tuple[str, str, str, Any]]) -> list[tuple[str, str, str, Any]]:
    """Return the endpoints of the API itself (a hook of drf-spectacular)."""
    return [endpoint for endpoint in endpoints if endpoint[0].startswith(PREFIX)]


@cache
def _url_names() -> dict[str, str]:
    """Return the names of the API's URLs by path, written as the description writes them."""
    patterns = import_module("console.api.urls").urlpatterns
    return {
        PREFIX + re.sub(r"<\w+:(\w+)>", r"{\1}", str(pattern.pattern)): pattern.name for pattern in patterns
    }


def _choices_of(field: forms.ChoiceField) -> list[str]:
    values = [str(getattr(value, "value", value)) for value, _label in field.choices]  # type: ignore[misc, union-attr]  # pairs
    return list(dict.fromkeys(values if field.required else ["", *values]))


def _or_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    kinds = schema["type"]
    return {**schema, "type": [*(kinds if isinstance(kinds, list) else [kinds]), "null"]}
