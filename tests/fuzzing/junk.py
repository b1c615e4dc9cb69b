"""What people, programs and attackers put into fields, and how much of it is tried."""

from __future__ import annotations

import os
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

PROFILE = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20")),
    deadline=None,
    derandomize=os.environ.get("CI") == "true",
    suppress_health_check=list(HealthCheck),
)
"""Few examples, always the same in CI: a build fails for what changed. FUZZ_EXAMPLES=2000 is for a night."""

NASTY = (
    "",
    " ",
    "\0",
    "\n",
    "\ud800",
    "\u202e",
    "0",
    "-1",
    "1e999",
    "nan",
    "٣",
    "9" * 30,
    "9" * 5000,
    "x" * 2000,
    "on",
    "None",
    "[]",
    "=1+1",
    "<script>alert(1)</script>",
    "' OR 1=1 --",
    "{{ 7 }}",
    "%s%n%(x)s{0}",
    "../../etc/passwd",
    "http://[::1",
    "http://127。0。0。1:22",
    "https://user:password@example.com/",
    "x@y@z",
    "tcr$robot",
    "tcr-00000000",
    "**/*{a,{b,c}",
    "(?P<x>",
    "^(a+)+$",
    "0 0 30 2 *",
    "* * * * * *",
    "9999-12-31",
    "0001-01-01",
    "Asia/Shanghai",
    "../UTC",
    "25:00-26:00 5GB/s",
    "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
)
"""Values that have broken programs, ours or others'."""

texts = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
sendable = texts.map(lambda text: text.encode("utf-8", "replace").decode())
"""Texts that a browser can send."""

values = st.one_of(
    texts,
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.lists(texts, max_size=3),
    st.dictionaries(texts, texts, max_size=2),
)
"""What JSON and YAML can hold, which forms get from files and programs."""


def data(
    fields: list[str], valid: dict[str, Any], junk: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy of data: valid values, some of them replaced by junk and some left out."""
    replaced = st.dictionaries(st.sampled_from(fields), junk, max_size=4)
    left_out = st.sets(st.sampled_from(fields), max_size=3)
    return st.tuples(st.sampled_from([valid, {}]), replaced, left_out).map(
        lambda parts: {name: value for name, value in (parts[0] | parts[1]).items() if name not in parts[2]}
    )
