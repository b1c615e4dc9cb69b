"""
Compiles a pattern: tokens to one RE2 expression.

A pattern means what its alternatives, written out, mean together. Writing out is needed only where slashes,
`**` or nothing at all are inside braces, and is bounded; other braces stay alternatives of the expression.
"""

import itertools
from collections.abc import Iterable

import re2

from syncjobs.matching.errors import Fault, PatternError
from syncjobs.matching.filters import Filter, Syntax, compile_expression
from syncjobs.matching.pattern_parser import Alternatives, CharacterClass, Token, Tokens, Wildcard, parse

_MAXIMUM_EXPANSIONS = 512
_MAXIMUM_LITERALS = 100
_DEEP: list[Token] = [Wildcard.DEEP]


def compile_pattern(value: str) -> Filter:
    """
    Return the filter of a pattern.

    Raises PatternError if it is not valid, or too large.
    """
    parsed = parse(value)
    expansions = [_without_leading_slash(tokens) for tokens in _expand(parsed)]
    alternatives = [_segments(tokens) for tokens in expansions]
    if parsed in ((), ("/",)) or [_DEEP] in alternatives:
        return Filter(value, Syntax.PATTERN, matches_all=True)
    prefix = _common_prefix([_prefix(segments) for segments in alternatives])
    literals = _join(map(_literals, expansions))
    if literals is not None:
        names = tuple(dict.fromkeys(literals))
        return Filter(value, Syntax.PATTERN, literals=names, literal_prefix=prefix)
    try:
        expression = compile_expression("|".join(map(_segments_expression, alternatives)))
    except re2.error:
        raise PatternError(Fault.TOO_LARGE, 0) from None
    return Filter(value, Syntax.PATTERN, literal_prefix=prefix, expression=expression)


def _expand(tokens: Tokens) -> list[list[Token]]:
    """Write out the alternatives that are not inline."""
    results: list[list[Token]] = [[]]
    for token in tokens:
        if isinstance(token, Alternatives) and not token.is_inline:
            choices = [choice for branch in token.branches for choice in _expand(branch)]
            if len(results) * len(choices) > _MAXIMUM_EXPANSIONS:
                raise PatternError(Fault.TOO_MANY, token.position)
            results = [result + choice for result in results for choice in choices]
        else:
            for result in results:
                result.append(token)
    return results


def _without_leading_slash(tokens: list[Token]) -> list[Token]:
    return tokens[1:] if tokens[:1] == ["/"] else tokens


def _segments(tokens: list[Token]) -> list[list[Token]]:
    """Split at slashes; several `**` in a row are one."""
    segments: list[list[Token]] = [[]]
    for part in tokens:
        if part == "/":
            segments.append([])
        else:
            segments[-1].append(part)
    pairs = itertools.pairwise([[], *segments])
    return [segment for before, segment in pairs if not before == segment == _DEEP]


def _segments_expression(segments: list[list[Token]]) -> str:
    """Return the RE2 expression; a `**` that stands for nothing takes one slash beside it along."""
    expression = separator = ""
    for segment in segments[:-1]:
        if segment == _DEEP:
            expression += "(?:/.*)?" if separator else "(?:.*/)?"
        else:
            expression += separator + _sequence_expression(segment)
            separator = "/"
    if segments[-1] == _DEEP:
        return expression + ("(?:/.*)?" if separator else ".*")
    return expression + separator + _sequence_expression(segments[-1])


def _sequence_expression(tokens: Iterable[Token]) -> str:
    return "".join(map(_token_expression, tokens))


def _token_expression(token: Token) -> str:
    match token:
        case Wildcard.RUN | Wildcard.DEEP:
            return "[^/]*"
        case Wildcard.ONE:
            return "[^/]"
        case CharacterClass():
            return token.expression
        case Alternatives():
            return f"(?:{'|'.join(map(_sequence_expression, token.branches))})"
        case str():
            return str(re2.escape(token))


def _prefix(segments: list[list[Token]]) -> str:
    """Return how every match begins; the slash before a `**` is left out, as a match may end there."""
    prefix = ""
    for segment in itertools.takewhile(lambda segment: segment != _DEEP, segments):
        for token in ["/", *segment]:
            if not isinstance(token, str):
                return prefix[1:]
            prefix += token
    return prefix[1:]


def _common_prefix(texts: list[str]) -> str:
    pairs = zip(min(texts), max(texts), strict=False)
    return "".join(one for one, _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _literals(tokens: Iterable[Token]) -> list[str] | None:
    """Return every string that the tokens stand for; None if they are too many to name."""
    results = [""]
    for token in tokens:
        choices = [token] if isinstance(token, str) else None
        if isinstance(token, Alternatives):
            choices = _join(map(_literals, token.branches))
        if choices is None or len(results) * len(choices) > _MAXIMUM_LITERALS:
            return None
        results = [result + choice for result in results for choice in choices]
    return results


def _join(alternatives: Iterable[list[str] | None]) -> list[str] | None:
    results: list[str] = []
    for literals in alternatives:
        if literals is None or len(results) + len(literals) > _MAXIMUM_LITERALS:
            return None
        results += literals
    return results
