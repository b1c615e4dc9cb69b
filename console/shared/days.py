"""Days that a filter names, as moments in the user's time zone, the last day included."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from django import forms
from django.utils import timezone
from django.utils.translation import pgettext_lazy


class DaysForm(forms.Form):
    """The part of a filter that says from which day to which."""

    since = forms.DateField(
        label=pgettext_lazy("time", "From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=pgettext_lazy("time", "To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    @property
    def begins_at(self) -> datetime | None:
        """The beginning of the first day, None if a valid form names none, or a form is not valid there."""
        return start_of(self.cleaned_data.get("since"))

    @property
    def ends_at(self) -> datetime | None:
        """The end of the last day, as `begins_at`."""
        return start_of(self.cleaned_data.get("until"), days_later=1)


def start_of(day: date | None, *, days_later: int = 0) -> datetime | None:
    """Return the midnight that begins the day; None for one that is not in UTC's calendar, as the year 10000."""
    if day is None:
        return None
    try:
        midnight = datetime.combine(day + timedelta(days=days_later), time.min)
        return timezone.make_aware(midnight).astimezone(UTC)
    except OverflowError:
        return None
