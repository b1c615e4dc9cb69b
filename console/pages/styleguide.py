"""
Every component in every state on one page, to look at while one changes the stylesheet.

There only with DEBUG. Its words are for developers of the console and not translated.
"""

from __future__ import annotations

import re
from datetime import timedelta

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from console.shared.access import Request
from console.shared.templatetags import regatta

_CHOICES = [("one", "One"), ("two", "Two")]
_COUNTS = (
    ("nothing yet", {"pending": 10}),
    ("under way", {"succeeded": 5, "failed": 1, "running": 2, "pending": 4}),
    ("all well", {"succeeded": 12}),
    ("stopped", {"succeeded": 4, "failed": 2, "stopped": 6}),
)


class ExampleForm(forms.Form):
    """One field of each kind."""

    text = forms.CharField(label="Text", help_text="A sentence that helps.", initial="Value")
    password = forms.CharField(label="Password", widget=forms.PasswordInput, required=False)
    number = forms.IntegerField(label="Number", min_value=1, initial=5)
    choice = forms.ChoiceField(label="Choice", choices=_CHOICES)
    radio = forms.ChoiceField(label="Radio", choices=_CHOICES, widget=forms.RadioSelect, initial="one")
    check = forms.BooleanField(label="Check", required=False, help_text="What it does.")
    area = forms.CharField(label="Area", widget=forms.Textarea, required=False)
    fixed = forms.CharField(label="Disabled", disabled=True, initial="Cannot be changed", required=False)


@require_safe
def show(request: Request) -> HttpResponse:
    """Show the components; 404 unless DEBUG is on."""
    if not settings.DEBUG:
        raise Http404
    messages.success(request, "A success leaves by itself.")
    messages.error(request, "An error stays until it is closed.")
    now = timezone.now()
    minutes = [(now - timedelta(minutes=minute), float(minute % 7) * 3) for minute in range(60)]
    context = {
        "form": ExampleForm(),
        "invalid": ExampleForm({"text": "", "number": "0", "choice": "three", "radio": ""}, prefix="invalid"),
        "statuses": regatta.TONES,
        "icons": _find_icons(),
        "counts": _COUNTS,
        "page": Paginator(range(200), 10).get_page(request.GET.get("page", 7)),
        "sort": request.GET.get("sort", "name"),
        "samples": minutes,
        "now": now,
        "later": now + timedelta(minutes=12),
    }
    return render(request, "styleguide/show.html", context)


def _find_icons() -> list[str]:
    sprite = (settings.BASE_DIR / "static" / "icons.svg").read_text(encoding="utf-8")
    return re.findall(r'id="([a-z-]+)"', sprite)
