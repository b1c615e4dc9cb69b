"""Reads from a docker-registry's access log what a tool asked of it. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field

_LINE = re.compile(
    r'"(?P<method>[A-Z]+) (?P<path>[^ ?"]*)(?:\?(?P<query>[^ "]*))? HTTP/[^"]*" (?P<status>\d+) (?P<bytes>\d+)'
)
_OPERATIONS = (
    ("upload", re.compile(r"/blobs/uploads/")),
    ("blob", re.compile(r"/blobs/")),
    ("manifest", re.compile(r"/manifests/")),
    ("tags", re.compile(r"/tags/list$")),
    ("referrers", re.compile(r"/referrers/")),
    ("catalog", re.compile(r"/_catalog$")),
)


@dataclass(frozen=True, slots=True)
class Traffic:
    """How many requests were answered, of which kinds ("HEAD manifest 200"), and the bytes of blobs read."""

    requests: int = 0
    blob_bytes: int = 0
    kinds: Counter[str] = field(default_factory=Counter)


def parse(text: str) -> Traffic:
    """Return what the lines of an access log amount to; other lines are passed over."""
    kinds: Counter[str] = Counter()
    blob_bytes = 0
    for line in _LINE.finditer(text):
        operation = _operation(line["path"])
        mount = " mount" if "mount=" in (line["query"] or "") else ""
        kinds[f"{line['method']} {operation}{mount} {line['status']}"] += 1
        if line["method"] == "GET" and operation == "blob":
            blob_bytes += int(line["bytes"])
    return Traffic(kinds.total(), blob_bytes, kinds)


def _operation(path: str) -> str:
    return next((name for name, pattern in _OPERATIONS if pattern.search(path)), "other")
