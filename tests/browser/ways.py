"""The ways in which a journey is taken: in a language, with or without JavaScript; and the console's words in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django.utils import translation
from playwright.sync_api import Page

_PATIENCE_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Way:
    """One way; `name` is for what a test creates, so that the ways do not meet."""

    name: str
    language: str = "en"
    has_javascript: bool = True

    @property
    def locale(self) -> str:
        """What the browser asks for."""
        return "zh-CN" if self.language == "zh-hans" else "en-US"

    def say(self, text: str, /, *, context: str | None = None, **values: object) -> str:
        """
        Return a text of the console in the way's language, out of the catalogue that the console uses.

        Raises KeyError for a text that the catalogue does not have: no test waits for words that nobody says.
        """
        with translation.override(self.language):
            found = translation.pgettext(context, text) if context else translation.gettext(text)
        if self.language != "en" and found == text:
            raise KeyError(text)
        return found % values if values else found

    def wait_for(self, page: Page, is_there: Callable[[], bool]) -> None:
        """Wait until the page shows it by itself; without JavaScript, reload it."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not is_there():
            assert time.monotonic() < deadline, page.locator("main").inner_text()
            page.wait_for_timeout(300)
            if not self.has_javascript:
                page.reload()


ENGLISH = Way("english")
CHINESE = Way("chinese", language="zh-hans")
PLAIN = Way("plain", has_javascript=False)
