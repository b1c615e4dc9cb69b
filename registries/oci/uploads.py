"""
Upload sessions of one registry: started or replaced by a mount, asked how far they are, cancelled.

Source: OCI distribution specification, spec.md, "Pushing blobs" and "Mounting a blob from another repository".
"""

import contextlib
import re
from dataclasses import dataclass
from urllib.parse import quote

from registries.oci import scope
from registries.oci.digest import algorithm_of
from registries.oci.errors import RegistryError, ServerError, Throttled, UnauthorizedError, UploadLost
from registries.oci.exchange import Headers
from registries.oci.links import with_query
from registries.oci.names import Names
from registries.oci.sending import Sender

_STARTED = frozenset({202})
_OFFSET_ANSWERS = frozenset({200, 202, 204, 404, 416})
_RANGE = re.compile(r"(?:bytes=)?(\d+)-(\d+)", re.ASCII)
_NO_BODY = (("Content-Length", "0"),)
_MAX_REFUSED_MOUNTS = 4096


@dataclass(slots=True)
class Upload:
    """An upload session. `location` is absolute and changes with every answer of the registry."""

    repository: str
    location: str
    algorithm: str = "sha256"
    min_chunk_bytes: int = 0


class Uploads:
    """The upload sessions of a registry."""

    def __init__(self, sender: Sender, names: Names) -> None:
        self._sender = sender
        self._names = names
        self._refused_mounts: set[tuple[str, str | None]] = set()

    async def start(
        self,
        repository: str,
        *,
        mount: str | None = None,
        from_repository: str | None = None,
        algorithm: str = "sha256",
    ) -> Upload | None:
        """
        Return a new upload session, or None if the blob `mount` was mounted instead.

        A declined mount is a session as good as any. After a refused one a plain session is begun,
        and that source is not tried for this repository again if our rights were the reason.
        """
        if mount is not None:
            algorithm = algorithm_of(mount)
            if (repository, from_repository) not in self._refused_mounts:
                is_mounted, upload = await self._try_mount(repository, mount, from_repository, algorithm)
                if is_mounted or upload is not None:
                    return upload
        return await self.open(repository, algorithm)

    async def open(self, repository: str, algorithm: str) -> Upload:
        """Return a new upload session for a blob whose digest has this algorithm."""
        path = _with_algorithm(self._names.path(repository, "blobs/uploads/"), algorithm)
        scopes = self.scopes(repository)
        reply = await self._sender.fetch("POST", path, scopes, headers=_NO_BODY, content=b"", accept=_STARTED)
        return self._opened(repository, reply.headers, reply.url, algorithm)

    async def offset(self, upload: Upload) -> int:
        """Return how many bytes the registry has kept. Raises UploadLost if it forgot the session."""
        scopes = self.scopes(upload.repository)
        reply = await self._sender.fetch("GET", upload.location, scopes, accept=_OFFSET_ANSWERS)
        if reply.status in (404, 416):
            raise UploadLost("the registry forgot the upload", status=reply.status)
        self.follow(upload, reply.headers, reply.url)
        return kept_bytes(reply.headers)

    async def cancel(self, upload: Upload) -> None:
        """Tell the registry to forget the session. A refusal is ignored: sessions also expire."""
        with contextlib.suppress(RegistryError):
            exchange = await self._sender.open("DELETE", upload.location, self.scopes(upload.repository))
            await exchange.aclose()

    def follow(self, upload: Upload, headers: Headers, url: str) -> None:
        """Move the session to the Location of an answer that came from the URL, if it names one."""
        location = headers.get("location")
        if location:
            upload.location = self._sender.follow(location, url)

    def scopes(self, repository: str) -> scope.Scopes:
        """Return the scopes for writing to the repository."""
        return scope.push(self._names.full(repository))

    async def _try_mount(
        self, repository: str, digest: str, from_repository: str | None, algorithm: str
    ) -> tuple[bool, Upload | None]:
        """Return whether the blob was mounted, and the session that the registry offers instead, if it does."""
        target = self._names.full(repository)
        scopes = scope.push(target)
        query = f"mount={quote(digest, safe='')}"
        if from_repository is not None:
            origin = self._names.full(from_repository)
            query += f"&from={quote(origin, safe='')}"
            scopes = scope.mount(target, origin)
        path = _with_algorithm(with_query(self._names.path(repository, "blobs/uploads/"), query), algorithm)
        try:
            exchange = await self._sender.open("POST", path, scopes, headers=_NO_BODY, content=b"")
            if exchange.status not in (201, 202):
                raise await self._sender.error_of(exchange)
            await exchange.aclose()
            if exchange.status == 201:
                return True, None
            return False, self._opened(repository, exchange.headers, exchange.url, algorithm)
        except Throttled:
            raise
        except RegistryError as error:
            if isinstance(error, UnauthorizedError) and len(self._refused_mounts) < _MAX_REFUSED_MOUNTS:
                self._refused_mounts.add((repository, from_repository))
            return False, None

    def _opened(self, repository: str, headers: Headers, url: str, algorithm: str) -> Upload:
        if not headers.get("location"):
            raise ServerError("the registry opened an upload and does not say where")
        minimum = headers.get("oci-chunk-min-length", "")
        upload = Upload(repository, url, algorithm, int(minimum) if minimum.isdigit() else 0)
        self.follow(upload, headers, url)
        return upload


def kept_bytes(headers: Headers) -> int:
    """
    Return how many bytes of an upload the Range header of an answer confirms.

    "0-0" confirms nothing: registries say it for one byte and for none.
    """
    match = _RANGE.fullmatch(headers.get("range", "").strip())
    return int(match.group(2)) + 1 if match and int(match.group(2)) > 0 else 0


def _with_algorithm(path: str, algorithm: str) -> str:
    """Return the path that tells the registry which digest will come, unless it is the usual one."""
    return path if algorithm == "sha256" else with_query(path, f"digest-algorithm={algorithm}")
