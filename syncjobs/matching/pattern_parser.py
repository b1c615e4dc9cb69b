"""Reads a pattern into tokens. What the tokens mean is decided in patterns.py."""

from dataclasses import dataclass
from enum import Enum

from syncjobs.matching.errors import Fault, PatternError

_MAXIMUM_DEPTH = 8


class Wildcard(Enum):
    """The signs that stand for unknown characters."""

    RUN = "*"
    DEEP = "**"
    ONE = "?"


@dataclass(frozen=True, slots=True)
class CharacterClass:
    """One character out of several, as an RE2 expression that never matches a slash."""

    expression: str


@dataclass(frozen=True, slots=True)
class Alternatives:
    """
    Alternatives in braces.

    Inline ones hold nothing that could change how the slashes and `**` around them are read, so they can
    become alternatives inside one RE2 expression. Others have to be written out.
    """

    branches: "tuple[Tokens, ...]"
    position: int
    is_inline: bool


# A string is one literal character.
Token = str | Wildcard | CharacterClass | Alternatives
Tokens = tuple[Token, ...]


def parse(pattern: str) -> Tokens:
    """
    Return the tokens of the pattern.

    Raises PatternError at the first sign that cannot be understood.
    """
    return _Parser(pattern).sequence(depth=0)


class _Parser:
    """Descends recursively, never deeper than the nesting of braces, which is bounded."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0

    def sequence(self, depth: int) -> Tokens:
        """Read up to the end, or inside braces to the end of an alternative; leave outer blanks out."""
        tokens: list[Token] = []
        length_without_blanks = 0
        while (character := self._peek()) and not (depth and character in ",}"):
            token = self._token(depth)
            if character.isspace() and not tokens:
                continue
            tokens.append(token)
            if not character.isspace():
                length_without_blanks = len(tokens)
        return tuple(tokens[:length_without_blanks])

    def _token(self, depth: int) -> Token:
        start = self._position
        match self._peek():
            case "*":
                while self._peek() == "*":
                    self._position += 1
                return Wildcard.DEEP if self._position - start == 2 else Wildcard.RUN
            case "?":
                self._position += 1
                return Wildcard.ONE
            case "[":
                return self._class()
            case "{":
                return self._alternatives(depth + 1)
            case "]":
                raise PatternError(Fault.STRAY_BRACKET, start)
            case "}":
                raise PatternError(Fault.STRAY_BRACE, start)
            case _:
                return self._character()

    def _alternatives(self, depth: int) -> Alternatives:
        start = self._position
        if depth > _MAXIMUM_DEPTH:
            raise PatternError(Fault.TOO_DEEP, start)
        branches = []
        while self._peek() != "}":
            self._position += 1
            branches.append(self.sequence(depth))
            if not self._peek():
                raise PatternError(Fault.UNCLOSED_BRACE, start)
        self._position += 1
        if branches == [()]:
            raise PatternError(Fault.EMPTY_BRACES, start)
        return Alternatives(tuple(branches), start, all(map(_is_inline, branches)))

    def _class(self) -> CharacterClass:
        start = self._position
        self._position += 1
        is_negated = self._peek() == "^"
        if is_negated:
            self._position += 1
        ranges = []
        while (character := self._peek()) != "]":
            if not character:
                raise PatternError(Fault.UNCLOSED_BRACKET, start)
            ranges.append(self._range())
        self._position += 1
        if not is_negated:
            ranges = [part for low, high in ranges for part in _without_slash(low, high)]
        if not ranges:
            raise PatternError(Fault.EMPTY_BRACKETS, start)
        members = "".join(rf"\x{{{ord(low):x}}}-\x{{{ord(high):x}}}" for low, high in ranges)
        return CharacterClass(f"[^/{members}]" if is_negated else f"[{members}]")

    def _range(self) -> tuple[str, str]:
        start = self._position
        low = high = self._character()
        if self._peek() == "-" and self._pattern[self._position + 1 :][:1] not in ("", "]"):
            self._position += 1
            high = self._character()
        if high < low:
            raise PatternError(Fault.BACKWARD_RANGE, start)
        return low, high

    def _character(self) -> str:
        if self._peek() == "\\":
            self._position += 1
            if not self._peek():
                raise PatternError(Fault.DANGLING_BACKSLASH, self._position - 1)
        self._position += 1
        return self._pattern[self._position - 1]

    def _peek(self) -> str:
        return self._pattern[self._position : self._position + 1]


def _is_inline(branch: Tokens) -> bool:
    return bool(branch) and all(
        token.is_inline if isinstance(token, Alternatives) else token not in ("/", Wildcard.DEEP)
        for token in branch
    )


def _without_slash(low: str, high: str) -> list[tuple[str, str]]:
    """Cut the slash out of a range of characters."""
    if not low <= "/" <= high:
        return [(low, high)]
    return [(first, last) for first, last in ((low, "."), ("0", high)) if first <= last]
