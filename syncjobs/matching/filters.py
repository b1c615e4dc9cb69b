"""A compiled filter, whichever syntax it was written in."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import re2

_OPTIONS = re2.Options()
_OPTIONS.max_mem = 1 << 20
_OPTIONS.log_errors = False
_OPTIONS.never_capture = True
_OPTIONS.dot_nl = True


class Syntax(StrEnum):
    """How a filter is written."""

    PATTERN = "pattern"
    REGEX = "regex"


class Expression(Protocol):
    """What is used of an RE2 object."""

    def fullmatch(self, text: str, /) -> object | None:
        """Return a match of the whole text, or None."""


@dataclass(frozen=True, slots=True)
class Filter:
    """
    A compiled filter.

    `literals` are the only strings that it can match, at most 100, so that nothing needs to be listed; None
    if they cannot be named. Every string that it matches begins with `literal_prefix`.
    """

    value: str
    syntax: Syntax
    matches_all: bool = False
    literals: tuple[str, ...] | None = None
    literal_prefix: str = ""
    expression: Expression | None = field(default=None, repr=False, compare=False)
    lead: str = field(default="", repr=False, compare=False)

    def matches(self, text: str) -> bool:
        """Tell whether the whole text is selected."""
        if self.matches_all:
            return True
        if self.literals is not None:
            return text in self.literals
        if self.expression is None or not text.startswith(self.literal_prefix):
            return False
        try:
            return self.expression.fullmatch(self.lead + text) is not None
        except UnicodeEncodeError:  # the JSON of a registry may hold half of a surrogate pair
            return False


def compile_expression(expression: str) -> Expression:
    """
    Return the RE2 object of the expression, within bounds of memory.

    Raises re2.error if it is not valid or too large.
    """
    compiled: Expression = re2.compile(expression, _OPTIONS)
    return compiled
