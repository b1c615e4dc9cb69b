"""How numbers and times are written: sizes, durations, ratios, "5 min ago". Pure but for the language."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from django.utils import formats, timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

NOTHING = "–"
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400


def size(count: int | float | None) -> str:
    """Return a number of bytes with three significant digits and a binary unit, such as `1.46 GiB`."""
    if count is None:
        return NOTHING
    value = float(count)
    unit = 0
    while value >= 1023.5 and unit < len(_UNITS) - 1:
        value /= 1024
        unit += 1
    digits = 0 if unit == 0 or value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{formats.number_format(round(value, digits), digits)}\u00a0{_UNITS[unit]}"


def duration(value: timedelta | None) -> str:
    """Return a length of time in at most two units: `840 ms`, `12.4 s`, `3 min 05 s`, `2 h 10 min`."""
    if value is None:
        return NOTHING
    seconds = max(value.total_seconds(), 0.0)
    if seconds < 0.9995:
        return _("%(count)d ms") % {"count": round(seconds * 1000)}
    if seconds < 59.95:
        return _("%(count)s s") % {"count": formats.number_format(round(seconds, 1), 1)}
    whole = round(seconds)
    if whole < _HOUR:
        return _("%(minutes)d min %(seconds)02d s") % {
            "minutes": whole // _MINUTE,
            "seconds": whole % _MINUTE,
        }
    if whole < _DAY:
        return _("%(hours)d h %(minutes)02d min") % {
            "hours": whole // _HOUR,
            "minutes": whole % _HOUR // _MINUTE,
        }
    return _("%(days)d d %(hours)d h") % {"days": whole // _DAY, "hours": whole % _DAY // _HOUR}


def percent(ratio: float | None) -> str:
    """Return a ratio from 0 to 1 as a percentage; it is rounded down, so that 100 % means all."""
    if ratio is None:
        return NOTHING
    tenths = math.floor(ratio * 1000 + 1e-9)
    digits = 0 if tenths % 10 == 0 else 1
    return f"{formats.number_format(tenths / 10, digits)}\u00a0%"


def absolute_time(moment: datetime) -> str:
    """Return the time in the active time zone, to the second, with the zone's name."""
    local = timezone.localtime(moment)
    return f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}"


def relative_time(moment: datetime, *, now: datetime) -> str:
    """Return how long ago, or in how long; beyond 30 days the date."""
    seconds = (moment - now).total_seconds()
    distance = abs(seconds)
    if distance >= 30 * _DAY:
        return f"{timezone.localtime(moment):%Y-%m-%d}"
    if distance < 5:
        return _("now") if seconds > 0 else _("just now")
    span = _span(round(distance))
    return _("in %(span)s") % {"span": span} if seconds > 0 else _("%(span)s ago") % {"span": span}


def _span(seconds: int) -> str:
    if seconds < _MINUTE:
        return _("%(count)d s") % {"count": seconds}
    if seconds < _HOUR:
        return _("%(count)d min") % {"count": seconds // _MINUTE}
    if seconds < _DAY:
        return _("%(count)d h") % {"count": seconds // _HOUR}
    days = seconds // _DAY
    return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
