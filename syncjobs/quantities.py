"""Reads and writes spans of time as people type them, such as “24 h”. Pure."""

import re

_SPAN = re.compile(r"(\d+)\s*([a-z]*)", re.IGNORECASE)
_UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}


def parse_span(text: str) -> int:
    """
    Return seconds for a number of them or a text such as “90 s”, “30m”, “24 h” or “7d”.

    Raises ValueError if it is none.
    """
    match = _SPAN.fullmatch(text.strip())
    factor = _UNITS.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(text)
    return int(match[1]) * factor


def show_span(seconds: int) -> str:
    """Return a text that `parse_span` reads back as the same number."""
    for unit in ("d", "h", "min"):
        whole, rest = divmod(seconds, _UNITS[unit])
        if whole and not rest:
            return f"{whole} {unit}"
    return f"{seconds} s"
