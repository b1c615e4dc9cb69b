"""
The pattern language: what the filters of a rule select.

Filters are decided here, once, for every kind of registry, in time linear in the length of a name: both
syntaxes end as RE2 expressions. docs/reference/patterns.md is the page for users. Nothing in here knows
namespaces, rules or registries.
"""

import re
import unicodedata
from functools import lru_cache

from syncjobs.matching.errors import Fault, PatternError
from syncjobs.matching.filters import Filter, Syntax
from syncjobs.matching.patterns import compile_pattern
from syncjobs.matching.regexes import compile_regex

__all__ = ["MAXIMUM_LENGTH", "Fault", "Filter", "PatternError", "Syntax", "compile_filter", "guess_syntax"]

MAXIMUM_LENGTH = 256

_REGEX_SIGNS = re.compile(r"[\^$()|+\\]|\.\*")
_COMPILERS = {Syntax.PATTERN: compile_pattern, Syntax.REGEX: compile_regex}


def guess_syntax(value: str) -> Syntax:
    """Return the syntax of a filter that came without one, by the signs that it holds."""
    return Syntax.REGEX if _REGEX_SIGNS.search(value) else Syntax.PATTERN


@lru_cache(maxsize=256)
def compile_filter(value: str, syntax: Syntax) -> Filter:
    """
    Return the filter that the value stands for; an empty value selects everything.

    Raises PatternError if the value cannot be used, with what is wrong and where.
    """
    for position, character in enumerate(value):
        if unicodedata.category(character) in {"Cc", "Cs"}:
            raise PatternError(Fault.UNUSABLE_CHARACTER, position)
    if len(value) > MAXIMUM_LENGTH:
        raise PatternError(Fault.TOO_LONG, MAXIMUM_LENGTH)
    return _COMPILERS[syntax](value)
