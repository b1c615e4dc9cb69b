"""
The signatures of the cloud API: TC3-HMAC-SHA256, and HmacSHA256 and HmacSHA1 of older clients. Pure.

Everything is computed over what arrived, byte for byte: nothing is encoded anew. Comparing takes the same time
wherever two signatures begin to differ.

Source: reference/tencent-api.md 2.2 and 2.3.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

ALGORITHM = "TC3-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
SKEW_SECONDS = 300
SERVICE = "tcr"

_SCOPE_END = "tc3_request"
_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} +Credential=(?P<secret_id>\w+)/(?P<date>[0-9-]{{10}})/(?P<service>[a-z0-9-]+)/{_SCOPE_END} *, *"
    r"SignedHeaders=(?P<headers>[a-z0-9;-]+) *, *Signature=(?P<signature>[0-9a-f]{64})",
    re.ASCII,
)
_OLD_HASHES = {"HmacSHA1": hashlib.sha1, "HmacSHA256": hashlib.sha256}
_NEEDED_HEADERS = {"content-type", "host"}


class Malformed(Exception):
    """What should be a signature has not the form of one; the message says how."""


@dataclass(frozen=True, slots=True)
class Authorization:
    """The header of a TC3 call, taken apart; `date` is that of the credential's scope."""

    secret_id: str
    date: str
    service: str
    headers: tuple[str, ...]
    signature: str


@dataclass(frozen=True, slots=True)
class Message:
    """What a TC3 signature covers: `query` and `body` as they came; `headers` by lowercase name."""

    method: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    is_payload_signed: bool = True


def parse_authorization(value: str) -> Authorization:
    """Return the header's parts; raises Malformed."""
    found = _AUTHORIZATION.fullmatch(value.strip())
    if found is None:
        raise Malformed(f"The Authorization header has not the form of {ALGORITHM}.")
    headers = tuple(found["headers"].split(";"))
    if not set(headers) >= _NEEDED_HEADERS:
        raise Malformed("SignedHeaders must hold content-type and host.")
    return Authorization(found["secret_id"], found["date"], found["service"], headers, found["signature"])


def is_timely(timestamp: int, now: datetime) -> bool:
    """Tell whether the clocks of caller and server differ by five minutes at most."""
    return abs(now.timestamp() - timestamp) <= SKEW_SECONDS


def date_of(timestamp: int) -> str:
    """Return the day of the timestamp in UTC, as the scope of a credential names it."""
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%d")


def sign_tc3(
    message: Message, *, secret_key: str, timestamp: int, service: str, headers: Sequence[str]
) -> str:
    """Return the TC3 signature of the message, in hex."""
    date = date_of(timestamp)
    payload = hashlib.sha256(message.body).hexdigest()
    if not message.is_payload_signed:
        payload = hashlib.sha256(UNSIGNED_PAYLOAD.encode()).hexdigest()
    lines = "".join(f"{name}:{_canonical(name, message.headers.get(name, ''))}\n" for name in headers)
    canonical = "\n".join([message.method, "/", message.query, lines, ";".join(headers), payload])
    scope = f"{date}/{service}/{_SCOPE_END}"
    text = "\n".join(
        [ALGORITHM, str(timestamp), scope, hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()]
    )
    key = f"TC3{secret_key}".encode()
    for part in (date, service, _SCOPE_END):
        key = hmac.digest(key, part.encode(), "sha256")
    return hmac.digest(key, text.encode(), "sha256").hex()


def sign_old(
    parameters: Mapping[str, str], *, secret_key: str, method: str, host: str, algorithm: str
) -> str:
    """
    Return the older signature of the parameters (without `Signature`), in Base64.

    `algorithm` is what the parameter SignatureMethod said; empty means HmacSHA1. Raises Malformed for another.
    """
    hashing = _OLD_HASHES.get(algorithm or "HmacSHA1")
    if hashing is None:
        raise Malformed("SignatureMethod must be HmacSHA256 or HmacSHA1.")
    pairs = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters))
    text = f"{method}{host}/?{pairs}"
    return base64.b64encode(
        hmac.new(secret_key.encode(), text.encode("utf-8", "replace"), hashing).digest()
    ).decode()


def is_equal(presented: str, expected: str) -> bool:
    """Compare two signatures in constant time."""
    return hmac.compare_digest(presented.encode("utf-8", "replace"), expected.encode())


def _canonical(name: str, value: str) -> str:
    """Return a header as it is signed: as it came where SDKs sign that, else lowercase and trimmed."""
    return value if name in _NEEDED_HEADERS else value.strip().lower()
