"""What a user sets for themself: language, time zone, theme."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import translation
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods

from console.shared.access import Request
from console.shared.forms import posted
from registries.models import User


class PreferencesForm(forms.ModelForm):  # type: ignore[type-arg]  # it is not generic at run time
    """Empty means: the browser's language, the platform's time zone."""

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As the browser asks")), *settings.LANGUAGES]
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False, help_text=_("Times on pages are shown in this zone.")
    )

    class Meta:
        model = User
        fields = ("language", "time_zone", "theme")
        widgets = {"theme": forms.RadioSelect}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        platform = _("The platform's: %(zone)s") % {"zone": settings.TIME_ZONE}
        zones = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone or zone == "UTC")
        self.fields["time_zone"].choices = [("", platform), *((zone, zone) for zone in zones)]  # type: ignore[attr-defined]


@require_http_methods(["GET", "POST"])
def edit(request: Request) -> HttpResponse:
    """Show and store the preferences."""
    form = PreferencesForm(posted(request), instance=request.user)
    if form.is_valid():
        form.save()
        translation.activate(request.user.language or translation.get_language_from_request(request))
        messages.success(request, translation.gettext("Your preferences are saved."))
        return redirect("account:preferences")
    return render(request, "account/preferences.html", {"form": form})
