"""The reference page of the API, made of its own description; it loads nothing from elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.translation import override
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from console.shared.access import Request

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Field:
    """One value that is given or returned."""

    name: str
    kind: str
    words: str
    is_required: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: its status, and the fields of its body, none if it has none."""

    status: str
    fields: tuple[Field, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked for."""

    id: str
    method: str
    path: str
    summary: str
    words: str
    parameters: tuple[Field, ...]
    body: tuple[Field, ...]
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True)
class Chapter:
    """The operations of one noun."""

    name: str
    operations: tuple[Operation, ...]


@require_safe
def show(request: Request) -> HttpResponse:
    """Show every operation with what it takes and answers."""
    return render(request, "api/docs.html", {"chapters": chapters()})


@cache
def chapters() -> tuple[Chapter, ...]:
    """Return the operations by noun, in the order of the description; it is English, as its words are the API's."""
    with override("en"):
        # The public description is the same for everybody.
        document: Document = SchemaGenerator().get_schema(public=True)  # type: ignore[no-untyped-call]
    found: dict[str, list[Operation]] = {}
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            found.setdefault(operation["tags"][0], []).append(_read(document, path, method, operation))
    return tuple(Chapter(name, tuple(operations)) for name, operations in found.items())


def _read(document: Document, path: str, method: str, operation: Document) -> Operation:
    given = operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    return Operation(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        summary=operation.get("summary", ""),
        words=operation.get("description", ""),
        parameters=tuple(
            Field(
                one["name"],
                _kind(document, one["schema"]),
                one.get("description", ""),
                one.get("required", False),
            )
            for one in given
        ),
        body=tuple(_fields_of(document, content)),
        answers=tuple(
            Answer(status, tuple(_fields_of(document, answer.get("content", {}))))
            for status, answer in operation["responses"].items()
            if status != "default"
        ),
    )


def _fields_of(document: Document, content: Document) -> Iterator[Field]:
    """Yield the fields of the body in its first media type."""
    for media in content.values():
        schema = _resolve(document, media.get("schema", {}))
        required = set(schema.get("required", []))
        for name, one in schema.get("properties", {}).items():
            words = one.get("description") or _resolve(document, one).get("description", "")
            yield Field(name, _kind(document, one), words, name in required)
        return


def _kind(document: Document, schema: Document) -> str:
    """Return the type in a few words: `string`, `integer or null`, `list of Rule`, or the choices."""
    if "$ref" in schema:
        return str(schema["$ref"].rpartition("/")[2])
    for combined in ("allOf", "oneOf", "anyOf"):
        if combined in schema:
            return " or ".join(_kind(document, one) for one in schema[combined])
    if "enum" in schema:
        return " | ".join(json.dumps(value) for value in schema["enum"])
    kinds = schema.get("type", "any")
    words = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"list of {_kind(document, schema.get('items', {}))}" if words == "array" else words


def _resolve(document: Document, schema: Document) -> Document:
    if "$ref" not in schema:
        return schema
    resolved: Document = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return resolved
