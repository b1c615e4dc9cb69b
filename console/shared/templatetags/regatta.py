"""Template tags and filters, built into every template: how values look on pages."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import template
from django.core.paginator import Page
from django.http import QueryDict
from django.template.context import Context
from django.templatetags.static import static
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from console.shared import wording
from console.shared.sparkline import BASE, HEIGHT, WIDTH
from console.shared.sparkline import draw as draw_line
from syncjobs import reasons
from syncjobs.queries.overview import Hour

register = template.Library()

TONES = {
    "succeeded": ("success", "check"),
    "failed": ("danger", "cross"),
    "running": ("info", "running"),
    "pending": ("neutral", "clock"),
    "waiting": ("warning", "clock"),
    "stopped": ("neutral", "stop"),
    "copied": ("success", "check"),
    "skipped": ("warning", "skip"),
    "deleted": ("neutral", "trash"),
    "new": ("success", "plus"),
    "replace": ("info", "sync"),
    "attach": ("info", "plus"),
    "keep": ("warning", "skip"),
    "other_type": ("neutral", "skip"),
    "fail": ("danger", "cross"),
    "healthy": ("success", "check"),
    "unhealthy": ("danger", "cross"),
    "unknown": ("neutral", "question"),
    "enabled": ("success", "check"),
    "disabled": ("neutral", "stop"),
    "Running": ("success", "check"),
    "Deploying": ("info", "running"),
    "PENDING": ("neutral", "clock"),
    "RUNNING": ("info", "running"),
    "SUCCESS": ("success", "check"),
    "FAILED": ("danger", "cross"),
    "Deleting": ("warning", "clock"),
}
"""How a status looks: tone and icon."""

register.filter("size", wording.size)
register.filter("duration", wording.duration)
register.filter("percent", wording.percent)


@register.filter
def reason(code: str, side: str = "") -> str:
    """Return the sentence for a reason's code, about one side of a copy."""
    return reasons.text(code, side)


@register.simple_tag
def icon(name: str, label: str | Promise = "") -> SafeString:
    """Return an icon of the sprite; without a label it is decoration that screen readers skip."""
    sprite = static("icons.svg")
    if label:
        return format_html(
            '<svg class="icon" role="img" aria-label="{}"><use href="{}#{}"></use></svg>', label, sprite, name
        )
    return format_html('<svg class="icon" aria-hidden="true"><use href="{}#{}"></use></svg>', sprite, name)


@register.simple_tag
def status_badge(status: str, label: str | Promise) -> SafeString:
    """Return a status as icon, word and colour."""
    tone, icon_name = TONES.get(status, ("neutral", "question"))
    return format_html(
        '<span class="badge badge--{}" data-status="{}">{}{}</span>', tone, status, icon(icon_name), label
    )


@register.simple_tag
def relative_time(moment: datetime | None, empty: str = wording.NOTHING) -> str | SafeString:
    """Return `<time>` with how long ago as its text, and the exact time in the user's zone on hover."""
    if moment is None:
        return empty
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        wording.absolute_time(moment),
        wording.relative_time(moment, now=timezone.now()),
    )


@register.simple_tag
def due_time(moment: datetime) -> str | SafeString:
    """Return when something that is due will happen; "now" if its time has come."""
    return relative_time(max(moment, timezone.now() + timedelta(seconds=1)))


@register.simple_tag
def exact_time(moment: datetime | None) -> str | SafeString:
    """Return `<time>` with the time in the user's zone as its text, and how long ago on hover."""
    if moment is None:
        return wording.NOTHING
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.isoformat(timespec="seconds"),
        wording.relative_time(moment, now=timezone.now()),
        f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}",
    )


@register.filter
def seconds(value: int) -> timedelta:
    """Return a number of seconds as a length of time, for `duration`."""
    return timedelta(seconds=value)


@register.inclusion_tag("components/copy_button.html")
def copy_button(text: str, label: str | Promise) -> dict[str, Any]:
    """Show a button that copies the text; the label says what is copied."""
    return {"text": text, "label": label}


@register.inclusion_tag("components/pagination.html", takes_context=True)
def pagination(
    context: Context, page: Page[Any], parameter: str = "page", label: str | Promise = ""
) -> dict[str, Any]:
    """
    Show which rows of how many these are, and links to the other pages that keep the rest of the URL.

    The label tells two of them on one page apart.
    """
    request = context["request"]
    numbers = page.paginator.get_elided_page_range(page.number, on_each_side=1, on_ends=1)
    links = [
        (number, _with(request.GET, parameter, number) if isinstance(number, int) else "")
        for number in numbers
    ]
    return {
        "page": page,
        "label": label,
        "links": links,
        "previous": _with(request.GET, parameter, page.number - 1),
        "next": _with(request.GET, parameter, page.number + 1),
    }


@register.inclusion_tag("components/sort_header.html", takes_context=True)
def sort_header(context: Context, key: str, label: str | Promise) -> dict[str, Any]:
    """Show a column's head as a link that sorts by it, or turns its order round."""
    request = context["request"]
    current = context["sort"]
    is_descending = current == f"-{key}"
    is_ascending = current == key
    return {
        "label": label,
        "direction": "descending" if is_descending else "ascending" if is_ascending else "",
        "url": _with(request.GET, "sort", f"-{key}" if is_ascending else key, drop="page"),
    }


@register.inclusion_tag("components/progress_bar.html")
def progress_bar(counts: dict[str, int], label: str) -> dict[str, Any]:
    """Show counts by status as one bar, which the label puts into words."""
    total = sum(counts.values()) or 1
    segments = []
    start = 0.0
    for status in ("succeeded", "failed", "stopped", "running"):
        width = 1000 * counts.get(status, 0) / total
        segments.append({"status": status, "start": f"{start:.1f}", "width": f"{width:.1f}"})
        start += width
    return {"segments": segments, "label": label}


@register.simple_tag
def task_badge(status: str) -> SafeString:
    """Return the status of a create task, in the cloud API's word, as icon, word and colour."""
    return status_badge(status, status)


@register.inclusion_tag("components/sparkline.html")
def sparkline(samples: Sequence[tuple[datetime, float]]) -> dict[str, Any]:
    """Show how many seconds a replica was behind over the last hour, as a small line with its words."""
    line = draw_line(samples, until=timezone.now(), span=timedelta(hours=1))
    highest = wording.duration(timedelta(seconds=line.highest))
    words = _("Last hour: at most %(highest)s behind") % {"highest": highest}
    return {"lines": [line], "words": words, "width": WIDTH, "height": HEIGHT, "base": BASE}


@register.inclusion_tag("components/sparkline.html")
def activity(hours: Sequence[Hour]) -> dict[str, Any]:
    """Show the executions of each hour of the last day, and those that failed, as two lines with their words."""
    now = timezone.now()
    began = now - timedelta(hours=24)
    moments = [max(hour.began_at, began) for hour in hours]
    counts = [float(hour.execution_count) for hour in hours]
    failed = [float(hour.failed_count) for hour in hours]
    lines = [draw_line(list(zip(moments, counts, strict=True)), until=now)]
    if any(failed):
        lines.append(draw_line(list(zip(moments, failed, strict=True)), until=now, scale=max(counts)))
    words = _("Executions per hour: at most %(highest)d, of which at most %(failed)d failed") % {
        "highest": max(counts, default=0),
        "failed": max(failed, default=0),
    }
    return {"lines": lines, "words": words, "width": WIDTH, "height": HEIGHT, "base": BASE}


def _with(query: QueryDict, name: str, value: object, *, drop: str = "") -> str:
    changed = query.copy()
    changed[name] = str(value)
    changed.pop(drop, None)
    return f"?{changed.urlencode()}"
