"""
Bandwidth limits that depend on the hour: one text, read the same for instances and rules. Pure.

`08:00-18:00 5MB/s; 22:00-06:00 unlimited` means: between these hours this limit, otherwise the base one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, time

from django.utils.translation import gettext_noop

_UNITS = {"b/s": 1, "kb/s": 1000, "mb/s": 1000**2, "gb/s": 1000**3, "kib/s": 1024, "mib/s": 1024**2}
_WINDOW = re.compile(r"(\d{1,2}:\d{2})\s*-\s*(\d{1,2}:\d{2})\s+(\S.*)")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z/]*)")


class InvalidBandwidth(ValueError):
    """
    The text is no limit; the message says what is expected.

    `sentence` is the message with the place for `text`; the console looks up its translation.
    """

    def __init__(self, sentence: str, text: str) -> None:
        super().__init__(sentence % {"text": text})
        self.sentence = sentence
        self.text = text


@dataclass(frozen=True, slots=True)
class Window:
    """Hours of the day, which may pass midnight, and the bytes per second then (None: unlimited)."""

    start: time
    end: time
    bytes_per_second: int | None

    def holds(self, moment: time) -> bool:
        """Tell whether the time of day lies in the window; its end does not."""
        if self.start <= self.end:
            return self.start <= moment < self.end
        return moment >= self.start or moment < self.end


def parse_rate(text: str) -> int | None:
    """
    Return bytes per second of `5MB/s`, `800 kB/s` or a plain number; None for `unlimited`.

    Raises InvalidBandwidth.
    """
    word = text.strip().lower()
    if word == "unlimited":
        return None
    match = _RATE.fullmatch(word)
    unit = _UNITS.get(match[2] or "b/s") if match else None
    if match is None or unit is None or float(match[1]) * unit < 1:
        raise InvalidBandwidth(
            gettext_noop("“%(text)s” is no bandwidth; write 5MB/s, 800kB/s or unlimited."), text.strip()
        )
    return int(float(match[1]) * unit)


def parse_windows(text: str) -> tuple[Window, ...]:
    """
    Return the windows of a text, in its order; empty for an empty one.

    Raises InvalidBandwidth.
    """
    return tuple(_parse_window(part.strip()) for part in text.split(";") if part.strip())


def limit_at(moment: datetime, *, base: int | None, windows: tuple[Window, ...]) -> int | None:
    """Return the bytes per second that hold at a moment, given in the zone that the windows are meant in."""
    for window in windows:
        if window.holds(moment.time()):
            return window.bytes_per_second
    return base


def _parse_window(text: str) -> Window:
    match = _WINDOW.fullmatch(text)
    if match is None:
        raise InvalidBandwidth(gettext_noop("“%(text)s” is no window; write 08:00-18:00 5MB/s."), text)
    return Window(_parse_time(match[1]), _parse_time(match[2]), parse_rate(match[3]))


def _parse_time(text: str) -> time:
    hour, minute = (int(part) for part in text.split(":"))
    try:
        return time(0 if hour == 24 and minute == 0 else hour, minute)
    except ValueError:
        raise InvalidBandwidth(gettext_noop("“%(text)s” is no time of day."), text) from None
