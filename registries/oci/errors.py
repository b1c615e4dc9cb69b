"""
Everything that can go wrong between us and a registry, in one tree, so that callers decide by class.

    RegistryError
    ├── PermanentError          trying again changes nothing
    │   ├── NotFound            not_found
    │   ├── ManifestInvalid     manifest_invalid
    │   ├── SchemaOneRefused    schema1_refused
    │   ├── TooLarge            too_large
    │   ├── StorageFull         storage_full
    │   ├── Immutable           tag_immutable
    │   ├── Unsupported         unsupported
    │   ├── Rejected            rejected
    │   ├── HostRefused         host_refused
    │   └── BlobUnknown         blob_unknown
    ├── UnauthorizedError       the credentials, not the request, are at fault
    │   ├── Unauthorized        unauthorized
    │   └── Forbidden           forbidden
    ├── TransientError          the same request may succeed a little later
    │   ├── Unreachable         unreachable
    │   ├── Stalled             stalled
    │   ├── ConnectionCut       connection_cut
    │   ├── ServerError         server_error
    │   ├── DigestMismatch      digest_mismatch
    │   ├── SizeMismatch        size_mismatch
    │   └── UploadLost          upload_lost
    └── Throttled               throttled: succeeds after `retry_at`

`code` is the reason code shown to users. `detail` holds the registry's own words and never a secret.
"""

from typing import ClassVar, Literal

DETAIL_LIMIT = 500

Side = Literal["source", "target"]


def _printable(text: str) -> str:
    """Return the text with a blank for each control character or half of a pair: no database takes those."""
    return "".join(character if character.isprintable() else " " for character in text)


class RegistryError(Exception):
    """A request to a registry that did not do what was asked."""

    code: ClassVar[str] = "registry_error"

    def __init__(self, detail: str = "", *, status: int | None = None) -> None:
        words = detail if detail.isprintable() else _printable(detail)
        self.detail = words if len(words) <= DETAIL_LIMIT else words[: DETAIL_LIMIT - 1] + "…"
        self.status = status
        self.side: Side | None = None
        super().__init__(self.detail)

    def __str__(self) -> str:
        status = f" (HTTP {self.status})" if self.status is not None else ""
        return f"{self.code}{status}: {self.detail}" if self.detail else f"{self.code}{status}"


class PermanentError(RegistryError):
    """Trying again changes nothing."""


class NotFound(PermanentError):
    """The repository, manifest or blob is not there."""

    code = "not_found"


class ManifestInvalid(PermanentError):
    """The manifest cannot be read, contradicts itself, or was refused as malformed."""

    code = "manifest_invalid"


class SchemaOneRefused(PermanentError):
    """The manifest has Docker's schema 1, whose digests cannot be preserved."""

    code = "schema1_refused"


class TooLarge(PermanentError):
    """The registry or we refuse content of this size."""

    code = "too_large"


class StorageFull(PermanentError):
    """The registry has no room, or the quota of the namespace is used up."""

    code = "storage_full"


class Immutable(PermanentError):
    """The tag exists and the registry forbids moving it."""

    code = "tag_immutable"


class Unsupported(PermanentError):
    """The registry does not offer this operation."""

    code = "unsupported"


class Rejected(PermanentError):
    """The registry refused the request for a reason of its own."""

    code = "rejected"


class HostRefused(PermanentError):
    """The host may not be contacted: it is private, or the way there is not safe."""

    code = "host_refused"


class BlobUnknown(PermanentError):
    """The registry refused a manifest because something it refers to is missing there."""

    code = "blob_unknown"


class UnauthorizedError(RegistryError):
    """The credentials are at fault."""


class Unauthorized(UnauthorizedError):
    """The credentials are missing, wrong or expired."""

    code = "unauthorized"


class Forbidden(UnauthorizedError):
    """The credentials are right but do not allow this."""

    code = "forbidden"


class TransientError(RegistryError):
    """The same request may succeed a little later."""


class Unreachable(TransientError):
    """No connection could be made."""

    code = "unreachable"


class Stalled(TransientError):
    """The connection is open but nothing moved for too long."""

    code = "stalled"


class ConnectionCut(TransientError):
    """The connection ended in the middle of an exchange."""

    code = "connection_cut"


class ServerError(TransientError):
    """The registry failed on its side."""

    code = "server_error"


class DigestMismatch(TransientError):
    """The bytes that arrived do not have the digest they should have."""

    code = "digest_mismatch"


class SizeMismatch(TransientError):
    """More or fewer bytes arrived than the descriptor says."""

    code = "size_mismatch"


class UploadLost(TransientError):
    """The registry no longer knows the upload session."""

    code = "upload_lost"


class Throttled(RegistryError):
    """The registry asks to wait until `retry_at`, in seconds since the epoch."""

    code = "throttled"

    def __init__(self, detail: str = "", *, retry_at: float, status: int | None = None) -> None:
        super().__init__(detail, status=status)
        self.retry_at = retry_at
