"""Blots out of the words about a registry what nobody may read: secrets, and where a private registry is."""

import re
from base64 import b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus, urlsplit

from registries.oci.endpoint import Endpoint

_BLOT = "…"
_REGISTRY = "the registry"
_SHOWN = re.compile(r"\b(Bearer|Basic)\s+[\w.~+/=-]{8,}", re.ASCII | re.IGNORECASE)
_TOKEN = re.compile(r"\beyJ[\w-]+\.[\w-]+(?:\.[\w-]+)?", re.ASCII)

Blot = Callable[[str], str]


def blotter(endpoint: Endpoint) -> Blot:
    """
    Return what blots the password out of a text, however it is spelled there, and every token.

    A registry that repeats a request in its error would otherwise put the secret into logs and pages, which
    people read who may not know it. Of a private endpoint, address and prefix go too.
    """
    username, password = endpoint.username or "", endpoint.password
    secrets = _spellings(username, password) if password else []
    private = _whereabouts(endpoint) if endpoint.is_private else {}

    def blot(text: str) -> str:
        for secret in secrets:
            text = text.replace(secret, _BLOT)
        for name, instead in private.items():
            text = text.replace(name, instead)
        return _TOKEN.sub(_BLOT, _SHOWN.sub(rf"\1 {_BLOT}", text))

    return blot


def _whereabouts(endpoint: Endpoint) -> dict[str, str]:
    """Map how an endpoint may be named to what is said instead, the longest first."""
    prefix = {f"{endpoint.prefix}/": ""} if endpoint.prefix else {}
    return prefix | dict.fromkeys((endpoint.url, urlsplit(endpoint.url).netloc, endpoint.host), _REGISTRY)


def _spellings(username: str, password: str) -> list[str]:
    """List how a password may be spelled, the longest first."""
    pair = b64encode(f"{username}:{password}".encode()).decode()
    alone = b64encode(password.encode()).decode()
    found = {pair, pair.rstrip("="), alone, password, quote(password, safe=""), quote_plus(password)}
    return sorted(found, key=len, reverse=True)
