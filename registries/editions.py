"""
How much of everything an instance of each edition may hold: the numbers, and how an operator changes them.

It imports no Django, so that settings can be read with it. What is counted is `quotas.py`'s affair.

Source: reference/tencent-api.md 3.1 for namespaces. It names no quota of rules, replicas and credentials; those
numbers are Regatta's own, and wide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

UNLIMITED = "unlimited"

DEFAULT_QUOTAS: Mapping[str, Mapping[str, int]] = {
    "basic": {"instances": 100, "namespaces": 50, "rules": 0, "replicas": 0, "credentials": 100},
    "standard": {"instances": 100, "namespaces": 100, "rules": 500, "replicas": 0, "credentials": 300},
    "premium": {"instances": 100, "namespaces": 500, "rules": 1000, "replicas": 20, "credentials": 500},
}
"""Edition → what is counted → how many; `instances` are those of the edition in one account."""


def parse_quotas(words: Iterable[str]) -> dict[str, dict[str, int | None]]:
    """
    Return the default quotas changed by words such as `standard.rules=50` or `premium.rules=unlimited`.

    None means any number. Rules and replicas cannot be given to an edition that has none: that is what the
    edition means. Raises ValueError, naming the word.
    """
    quotas: dict[str, dict[str, int | None]] = {
        edition: dict(numbers) for edition, numbers in DEFAULT_QUOTAS.items()
    }
    for word in words:
        name, _equals, text = (part.strip() for part in word.partition("="))
        edition, _dot, noun = name.partition(".")
        if noun not in DEFAULT_QUOTAS.get(edition, {}):
            raise ValueError(f"there is no quota {name!r}; one is called like standard.rules")
        if text != UNLIMITED and not (text.isascii() and text.isdecimal() and len(text) <= 9):
            raise ValueError(f"{name} must be a whole number or {UNLIMITED}, not {text!r}")
        number = None if text == UNLIMITED else int(text)
        if not DEFAULT_QUOTAS[edition][noun] and number != 0:
            raise ValueError(f"the {edition} edition has no {noun}")
        quotas[edition][noun] = number
    return quotas
