"""Pages of names, and the Link header in the shapes that real registries give it."""

import bisect
from collections.abc import Sequence
from urllib.parse import urlencode

from tests.fakes.answers import RefusedError
from tests.fakes.options import LinkStyle, Options


def requested_size(options: Options, n: str | None) -> int:
    """Return how many names the next page may hold. Raises RefusedError if `n` is too large."""
    if n is None or not n.isdecimal():
        return options.page_size
    if options.max_page_size is not None and int(n) > options.max_page_size:
        raise RefusedError(400, "PAGINATION_NUMBER_INVALID", f"invalid number of results requested: {n}")
    return min(int(n), options.page_size)


def page(names: Sequence[str], size: int, last: str | None) -> tuple[Sequence[str], bool]:
    """Return the names behind `last`, at most `size`, and whether more follow."""
    start = 0 if last is None else _position_after(names, last)
    return names[start : start + size], start + size < len(names)


def _position_after(names: Sequence[str], last: str) -> int:
    try:
        return names.index(last) + 1
    except ValueError:
        return bisect.bisect_right(names, last)


def link_header(style: LinkStyle, origin: str, path: str, size: int, last: str) -> str:
    """Return the Link header that leads to the page behind `last`."""
    if style is LinkStyle.LOOPING:
        return f'<{path}?n={size}>; rel="next"'
    target = f"{path}?{urlencode({'last': last, 'n': size})}"
    if style is LinkStyle.ABSOLUTE:
        return f'<{origin}{target}>; rel="next"'
    if style is LinkStyle.WITHOUT_BRACKETS:
        return f"{origin}{target}; rel=next"
    if style is LinkStyle.WRONG_PORT:
        return f'<http://127.0.0.1:1{target}>; rel="next"'
    return f'<{target}>; rel="next"'
