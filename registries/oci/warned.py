"""
Collects what registries want people to be told, for whoever started the work that they answered.

Source: OCI distribution specification, spec.md, "Warnings": code 299, agent "-", a quoted text.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"', re.ASCII)
_ESCAPED = re.compile(r"\\(.)")
_MAX_WARNINGS = 20
_MAX_LENGTH = 300

_heard: ContextVar[dict[str, None] | None] = ContextVar("heard", default=None)


@contextmanager
def listening() -> Iterator[dict[str, None]]:
    """Yield the warnings that come meanwhile, in this task and those it starts: each once, in their order."""
    heard: dict[str, None] = {}
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def note(host: str, values: Sequence[str]) -> None:
    """Note the Warning headers of an answer from the host; beyond a number of them they are dropped."""
    heard = _heard.get()
    if heard is None:
        return
    for text in parse(values):
        if len(heard) < _MAX_WARNINGS:
            heard[f"{host} warns: {text}"] = None


def parse(values: Sequence[str]) -> list[str]:
    """Return the texts of warnings that are meant for people, without control characters, cut to a length."""
    found = [match.group(1) for value in values for match in _WARNING.finditer(value)]
    plain = ["".join(c for c in _ESCAPED.sub(r"\1", text) if c.isprintable()).strip() for text in found]
    return [text[:_MAX_LENGTH] for text in plain if text]
