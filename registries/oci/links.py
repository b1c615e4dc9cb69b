"""
Reads what points to another URL: Link headers, Location headers, redirects. Pure.

Source: RFC 8288 for Link; RFC 9110, 10.2.2 for Location.
"""

import re
from functools import lru_cache
from urllib.parse import quote, urljoin, urlsplit

import httpx

from registries.oci.errors import HostRefused

_IN_BRACKETS = re.compile(r'<([^>]*)>((?:\s*;\s*[^\s;,="]+\s*(?:=\s*(?:"[^"]*"|[^\s;,"]*))?)*)', re.ASCII)
_WITHOUT_BRACKETS = re.compile(r"\s*([^\s;<>]+)\s*(;.*)", re.ASCII | re.DOTALL)
_REL_NEXT = re.compile(r';\s*rel\s*=\s*(?:"(?:[^"]*\s)?next(?:\s[^"]*)?"|next(?=[\s;,]|$))', re.ASCII | re.I)

# Everything that may stand in a URL, and the percent sign of what is encoded already.
_KEPT = "%/:?#[]@!$&'()*+,;=-._~"


def next_target(header: str | None, current: str) -> str | None:
    """
    Return the path and query of the next page, or None if this is the last.

    Host, scheme and port of the link are ignored: registries behind proxies name wrong ones, and a
    listing has no reason to lead elsewhere. Angle brackets may be missing. `current` is the path of
    this page, which a relative link starts from.
    """
    for target, parameters in _links(header or ""):
        if _REL_NEXT.search(parameters):
            parts = urlsplit(absolute(target, current))
            path = parts.path if parts.path.startswith("/") else f"/{parts.path}"
            return f"{path}?{parts.query}" if parts.query else path
    return None


def absolute(location: str, current: str) -> str:
    """
    Return the location as it is seen from the current URL, without its fragment; the rest is kept as it is.

    Raises HostRefused if it cannot be read.
    """
    try:
        joined = urljoin(current, location.strip()).partition("#")[0]
    except ValueError as error:
        raise HostRefused("the registry names an address that cannot be read") from error
    return joined if is_plain(joined) else quote(joined, safe=_KEPT)


def is_plain(url: str) -> bool:
    """Tell whether the URL holds only characters that may be sent as they are."""
    return url.isascii() and url.isprintable() and " " not in url


def with_query(url: str, query: str) -> str:
    """Return the URL with the encoded query added to the query it may have."""
    return f"{url}{'&' if '?' in url else '?'}{query}"


@lru_cache(maxsize=256)
def origin_of(url: str) -> str:
    """
    Return "scheme://host:port" in lower case, with the port always given.

    Raises HostRefused if the URL cannot be read.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise HostRefused("the registry names an address that cannot be read") from error
    return f"{parts.scheme}://{parts.hostname}:{port}"


def parse_origin(origin: str) -> httpx.URL:
    """Return "scheme://host[:port]" as httpx wants it. Raises HostRefused if it cannot be read."""
    try:
        return httpx.URL(origin)
    except httpx.InvalidURL as error:
        raise HostRefused("the registry names an address that cannot be read") from error


def split_origin(url: str) -> tuple[str, str]:
    """Return "scheme://host[:port]" and the rest, exactly as written, of an absolute URL."""
    start = url.index("://") + 3
    ends = [end for end in (url.find("/", start), url.find("?", start)) if end >= 0]
    end = min(ends) if ends else len(url)
    rest = url[end:]
    return url[:end], rest if rest.startswith("/") else f"/{rest}"


def _links(header: str) -> list[tuple[str, str]]:
    """Return target and parameters of every link in the header."""
    if "<" in header:
        return [(match.group(1), match.group(2)) for match in _IN_BRACKETS.finditer(header)]
    match = _WITHOUT_BRACKETS.fullmatch(header)
    return [(match.group(1), match.group(2))] if match else []
