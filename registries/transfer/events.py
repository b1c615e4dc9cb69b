"""What a copy tells its caller while it runs; what becomes of it is the caller's affair."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from registries.oci.errors import RegistryError, Throttled, TransientError

Status = Literal["copied", "up_to_date", "skipped", "failed", "deleted"]
Kind = Literal["image", "chart"]
Side = Literal["source", "target"]


@dataclass(frozen=True, slots=True)
class TagFinished:
    """
    The outcome of one tag; each tag that was asked for gets at most one.

    `repository` is the source's name for copies and the target's for deletions. `reason` is a stable code
    (an error's `code`, "exists", "kind_not_selected", "tag_delete_unsupported"), `detail` is for people.
    `retry_at` is in unix seconds and only set when the registry named a time.
    """

    repository: str
    tag: str
    status: Status
    digest: str | None = None
    kind: Kind | None = None
    bytes_copied: int = 0
    reason: str | None = None
    detail: str = ""
    side: Side | None = None
    is_retryable: bool = False
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class BytesCopied:
    """Bytes of blobs that left for the target since the last such event of the same blob."""

    repository: str
    count: int


Event = TagFinished | BytesCopied
Emit = Callable[[Event], None]


def describe(error: RegistryError) -> str:
    """Return the error in the registry's own words, for people who see its code beside it."""
    status = f"HTTP {error.status}" if error.status is not None else ""
    return ": ".join(part for part in (status, error.detail) if part)


def failed(
    repository: str, tag: str, error: RegistryError, *, bytes_copied: int = 0, notes: Sequence[str] = ()
) -> TagFinished:
    """Return the outcome of a tag that this error kept from being finished; `notes` go behind its words."""
    return TagFinished(
        repository,
        tag,
        "failed",
        bytes_copied=bytes_copied,
        reason=error.code,
        detail="; ".join(part for part in (describe(error), *notes) if part),
        side=error.side,
        is_retryable=isinstance(error, TransientError | Throttled),
        retry_at=error.retry_at if isinstance(error, Throttled) else None,
    )
