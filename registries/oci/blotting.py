"""Blots out of the words of others what nobody may read: the secrets that they were shown."""

import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

_BLOT = "…"
_SHOWN = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?", re.ASCII)

Blot = Callable[[str], str]


def blotter(username: str | None, password: str | None) -> Blot:
    """
    Return what blots the password out of a text, however it is spelled there, and every token.

    A registry that repeats a request in its error would otherwise put the secret into logs and pages, which
    people read who may not know it.
    """
    spellings = _spellings(username or "", password) if password else []

    def blot(text: str) -> str:
        for secret in spellings:
            text = text.replace(secret, _BLOT)
        return _TOKEN.sub(_BLOT, _SHOWN.sub(rf"\1 {_BLOT}", text))

    return blot


def _spellings(username: str, password: str) -> list[str]:
    """List how a password may be spelled, the longest first."""
    pair = b64encode(f"{username}:{password}".encode()).decode()
    alone = b64encode(password.encode()).decode()
    found = {pair, pair.rstrip("="), alone, password, quote(password, safe=""), quote_plus(password)}
    return sorted(found, key=len, reverse=True)
