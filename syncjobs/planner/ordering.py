"""The order in which people expect names: v1.10 after v1.9, a release after its candidates."""

import re
from functools import lru_cache
from typing import TypeAlias

_PRERELEASES = (
    "dev",
    "snapshot",
    "nightly",
    "canary",
    "alpha",
    "beta",
    "milestone",
    "m",
    "preview",
    "pre",
    "rc",
)
_PRERELEASE, _END, _WORD, _NUMBER, _DOTTED_NUMBER = range(5)

_VERSION_SIGN = re.compile(r"^[vV](?=[0-9])")
_CHUNK = re.compile(r"([^0-9A-Za-z]*)(?:([0-9]+)|([A-Za-z]+))|([^0-9A-Za-z]+)")

Chunk: TypeAlias = tuple[int, int, str, str]
NaturalKey: TypeAlias = tuple[tuple[tuple[Chunk, ...], ...], str]


def natural_key(name: str) -> NaturalKey:
    """
    Return a key to sort by; different names have different keys.

    Numbers compare as numbers and after words. A “v” before a number is ignored. `1.0-rc1` comes before
    `1.0`, and that before `1.0-alpine`, `1.0-1` and `1.0.1`. Paths compare component by component.
    """
    return tuple(map(_component_key, name.split("/"))), name


@lru_cache(maxsize=4096)
def _component_key(component: str) -> tuple[Chunk, ...]:
    chunks: list[Chunk] = []
    for separator, number, letters, rest in _CHUNK.findall(_VERSION_SIGN.sub("", component)):
        word = letters.lower()
        if number:
            digits = number.lstrip("0")
            rank = _DOTTED_NUMBER if separator == "." else _NUMBER
            chunks.append((rank, len(digits), digits, separator))
        elif chunks and word in _PRERELEASES:
            chunks.append((_PRERELEASE, _PRERELEASES.index(word), word, separator))
        else:
            chunks.append((_WORD, 0, word, separator + rest))
    chunks.append((_END, 0, "", ""))
    return tuple(chunks)
