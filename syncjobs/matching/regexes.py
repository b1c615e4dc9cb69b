"""Compiles a regular expression, and says understandably what is wrong with one, and where."""

import re2

from syncjobs.matching.errors import Fault, PatternError
from syncjobs.matching.filters import Filter, Syntax, compile_expression

_MATCH_ALL = frozenset({"", ".*", "^.*", ".*$", "^.*$", "/.*", "^/.*", "/.*$", "^/.*$"})

_LOOK_AROUNDS = frozenset({"(?=", "(?!", "(?<=", "(?<!"})
_FAULTS = {
    "missing )": Fault.UNCLOSED_GROUP,
    "missing ]": Fault.UNCLOSED_BRACKET,
    "unexpected )": Fault.STRAY_PARENTHESIS,
    "trailing \\": Fault.DANGLING_BACKSLASH,
    "invalid escape sequence": Fault.ESCAPE,
    "invalid character class range": Fault.CHARACTER_RANGE,
    "no argument for repetition operator": Fault.NOTHING_TO_REPEAT,
    "bad repetition operator": Fault.DOUBLE_REPETITION,
    "invalid repetition size": Fault.REPETITION_SIZE,
    "invalid perl operator": Fault.GROUP,
    "invalid named capture group": Fault.GROUP,
    "pattern too large - compile failed": Fault.TOO_LARGE,
}
"""Source: RE2, `re2/regexp.cc`, `kErrorStrings`."""


def compile_regex(value: str) -> Filter:
    """
    Return the filter of a regular expression.

    One that begins with a slash is compared with the text after a slash.

    Raises PatternError if it is not valid, or too large.
    """
    if error := _find_error(value):
        kind, fragment = error
        fault = Fault.LOOK_AROUND if fragment in _LOOK_AROUNDS else _FAULTS.get(kind, Fault.REGEX)
        raise PatternError(fault, _locate(value, kind, fragment))
    if value in _MATCH_ALL:
        return Filter(value, Syntax.REGEX, matches_all=True)
    lead = "/" if value.startswith(("/", "^/")) else ""
    prefix, is_whole = _literal_run(value)
    prefix = prefix.removeprefix(lead)
    return Filter(
        value,
        Syntax.REGEX,
        literals=(prefix,) if is_whole else None,
        literal_prefix=prefix,
        expression=compile_expression(value),
        lead=lead,
    )


def _literal_run(value: str) -> tuple[str, bool]:
    """
    Return the literal beginning of a valid regular expression, and whether that is all of it.

    Says less than it could about flags, quotations and alternatives: in RE2, a repetition after a group of
    flags or an empty quotation applies to what came before that.
    """
    if any(sign in value for sign in ("|", "(?", r"\Q", r"\E")):
        return "", False
    body = value.removeprefix("^")
    run: list[str] = []
    position = 0
    while position < len(body) and body[position] not in "^$.[(":
        if body[position] in "*+?{":
            return "".join(run[:-1]), False
        if body[position] == "\\":
            if body[position + 1].isalnum():
                break
            position += 1
        run.append(body[position])
        position += 1
    return "".join(run), body[position:] in ("", "$")


def _find_error(value: str) -> tuple[str, str] | None:
    """Return what RE2 says is wrong and the fragment it blames; None for a valid expression."""
    try:
        compile_expression(value)
    except re2.error as error:
        kind, _, fragment = error.args[0].decode(errors="replace").partition(": ")
        return kind, fragment
    return None


def _locate(value: str, kind: str, fragment: str) -> int:
    """
    Return where the error is, which RE2 does not tell.

    Once a value has an error, it keeps it however it goes on, so the fragment to blame is the last one before
    the error first appears. A parenthesis that is not closed follows the longest beginning that has no error.
    """
    end = len(value)
    match kind:
        case "missing )":
            while _find_error(value[:end]):
                end -= 1
            return end
        case "missing ]":
            return end - len(fragment)
        case "trailing \\":
            return end - 1
        case "unexpected )":
            while (error := _find_error(value[: end - 1])) and error[0] == kind:
                end -= 1
            return end - 1
        case _:
            while end and _find_error(value[: end - 1]) == (kind, fragment):
                end -= 1
            return max(value.rfind(fragment, 0, end) if fragment else end - 1, 0)
