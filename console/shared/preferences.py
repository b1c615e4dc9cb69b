"""Shows each page in the language and the time zone that its user chose."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation


class PreferencesMiddleware:
    """
    Activates the user's language and time zone.

    Without a choice the language stays the one that LocaleMiddleware took from the browser, and the zone is
    the platform's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Return the response of the view, run under the user's preferences."""
        timezone.deactivate()
        if request.user.is_authenticated:
            if request.user.language:
                translation.activate(request.user.language)
                request.LANGUAGE_CODE = translation.get_language()
            zone = _find_zone(request.user.time_zone)
            if zone:
                timezone.activate(zone)
        return self.get_response(request)


def _find_zone(name: str) -> zoneinfo.ZoneInfo | None:
    """Return the zone; a name that the time zone database has dropped counts as no choice."""
    try:
        return zoneinfo.ZoneInfo(name) if name else None
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return None
