"""Turns the answers of registries, and the failures to get one, into the error tree. Pure."""

import json
from collections.abc import Mapping
from typing import Any

import httpx

from registries.oci.blotting import Blot
from registries.oci.errors import (
    BlobUnknown,
    ConnectionCut,
    DigestMismatch,
    Forbidden,
    Immutable,
    ManifestInvalid,
    NotFound,
    RegistryError,
    Rejected,
    ServerError,
    Stalled,
    StorageFull,
    Throttled,
    TooLarge,
    TransientError,
    Unauthorized,
    Unreachable,
    Unsupported,
    UploadLost,
)
from registries.oci.retry import parse_retry_after

# The registry's own code is more precise than the status that it comes with.
_BY_REGISTRY_CODE: dict[str, type[RegistryError]] = {
    "MANIFEST_BLOB_UNKNOWN": BlobUnknown,
    "MANIFEST_INVALID": ManifestInvalid,
    "MANIFEST_UNVERIFIED": ManifestInvalid,
    "BLOB_UPLOAD_UNKNOWN": UploadLost,
    "BLOB_UPLOAD_INVALID": UploadLost,
    "RANGE_INVALID": UploadLost,
    "DIGEST_INVALID": DigestMismatch,
    "UNSUPPORTED": Unsupported,
    "SIZE_INVALID": TooLarge,
    "TAG_IMMUTABLE": Immutable,
}
_BY_STATUS: dict[int, type[RegistryError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: Unsupported,
    412: Immutable,
    413: TooLarge,
    416: UploadLost,
    501: Unsupported,
    507: StorageFull,
}
_TRANSIENT_STATUSES = frozenset({408, 425})
# Distribution answers 500 to a manifest with a layer address that it does not allow, and means these.
_ABOUT_THE_MANIFEST = frozenset({"MANIFEST_BLOB_UNKNOWN", "MANIFEST_INVALID", "MANIFEST_UNVERIFIED"})


def error_from_answer(
    status: int, headers: Mapping[str, str], content: bytes, *, now: float, blot: Blot
) -> RegistryError:
    """
    Return the error that an unwelcome answer stands for. `now` is in seconds since the epoch.

    `blot` takes secrets out of the answer's words. Names of headers are in lower case. Throttled without a
    time from the registry has the `retry_at` 0.
    """
    code, detail = _read_errors(content, blot)
    if status == 429 or code == "TOOMANYREQUESTS" or (status == 503 and "retry-after" in headers):
        retry_at = parse_retry_after(headers.get("retry-after"), now) or 0.0
        return Throttled(detail or "the registry limits requests", retry_at=retry_at, status=status)
    is_failure = status >= 500 and status not in _BY_STATUS and code not in _ABOUT_THE_MANIFEST
    if status in _TRANSIENT_STATUSES or is_failure:
        return ServerError(detail, status=status)
    return _class_of(status, code, detail.lower())(detail, status=status)


def error_from_failure(error: httpx.TransportError, blot: Blot) -> TransientError:
    """Return the error that stands for a request without a complete answer."""
    words = blot(str(error))
    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.UnsupportedProtocol):
        return Unreachable(words)
    if isinstance(error, httpx.TimeoutException):
        return Stalled(words)
    return ConnectionCut(words)


def _class_of(status: int, code: str, words: str) -> type[RegistryError]:
    if status in (403, 409, 412, 413) and "quota" in words:
        return StorageFull
    if "immutable" in words or "immutability" in words:
        return Immutable
    if status in (401, 403):
        return _BY_STATUS[status]
    return _BY_REGISTRY_CODE.get(code) or _BY_STATUS.get(status, Rejected)


def _read_errors(content: bytes, blot: Blot) -> tuple[str, str]:
    """
    Return the most telling error code and the words of an error body, "" for what it does not say.

    That is the first code, unless a later one is known and the first is not; the words are then those of both.
    """
    try:
        document: Any = json.loads(content)
        errors = [_read_error(error, blot) for error in document["errors"]]
        first = errors[0]
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return "", _plain_words(content, blot)
    if first[0] not in _BY_REGISTRY_CODE:
        for code, words in errors:
            if code in _BY_REGISTRY_CODE:
                return code, f"{words}; {first[1]}" if first[1] else words
    return first


def _read_error(error: Any, blot: Blot) -> tuple[str, str]:
    code = str(error.get("code", "")).upper()
    message = str(error.get("message") or "")
    extra = error.get("detail")
    if isinstance(extra, str) and extra and extra != message:
        message = f"{message}: {extra}" if message else extra
    return code, blot(" ".join(part for part in (code, message) if part))


def _plain_words(content: bytes, blot: Blot) -> str:
    """Return a text that is no page. It is blotted before it is cut: a part of a secret would be left."""
    text = content.decode("utf-8", "replace").strip()
    return "" if text.startswith("<") else blot(" ".join(text.split()))[:500]
