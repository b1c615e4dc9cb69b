"""Operations that upload blobs: sessions in one or several requests, and mounts from other repositories."""

import re
from collections.abc import AsyncIterator

from tests.fakes.answers import Answer, RefusedError
from tests.fakes.routing import Route
from tests.fakes.server import Call
from tests.fakes.state import State
from tests.fakes.store import Upload

_CONTENT_RANGE = re.compile(r"(?:bytes )?(\d+)-(\d+)(?:/.*)?")


async def start(state: State, route: Route, call: Call) -> Answer:
    """Mount a blob, take a whole one, or open a session."""
    if route.reference:
        raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    mounted = call.query.get("mount")
    if mounted and (answer := _mount(state, route, mounted, call)):
        return answer
    algorithm = call.query.get("digest-algorithm", "sha256")
    digest = call.query.get("digest")
    is_monolithic = bool(digest) and state.options.monolithic_post
    if digest and is_monolithic:
        algorithm = digest.partition(":")[0]
    _check_algorithm(state, algorithm)
    upload = Upload(route.repository, algorithm, keeps_bytes=not state.options.discard_uploads)
    state.store.uploads[upload.id] = upload
    if digest and is_monolithic:
        await _take(upload, call.chunks())
        return _finish(state, upload, digest, call)
    headers = _session_headers(state, upload, call)
    if state.options.min_chunk_bytes:
        headers["OCI-Chunk-Min-Length"] = str(state.options.min_chunk_bytes)
    return Answer(202, headers)


async def status(state: State, route: Route, call: Call) -> Answer:
    """Answer how many bytes have arrived."""
    return Answer(204, _session_headers(state, _get_upload(state, route, call), call))


async def append(state: State, route: Route, call: Call) -> Answer:
    """Take the next chunk."""
    upload = _get_upload(state, route, call)
    _check_range(state, upload, call)
    await _take(upload, call.chunks())
    return Answer(202, _session_headers(state, upload, call))


async def finish(state: State, route: Route, call: Call) -> Answer:
    """Take the rest of the bytes and make a blob of them if their digest is right."""
    upload = _get_upload(state, route, call)
    digest = call.query.get("digest", "")
    if ":" not in digest:
        raise RefusedError(400, "DIGEST_INVALID", "digest parameter missing")
    _check_algorithm(state, digest.partition(":")[0])
    _check_range(state, upload, call)
    await _take(upload, call.chunks())
    return _finish(state, upload, digest, call)


async def cancel(state: State, route: Route, call: Call) -> Answer:
    """Forget the session."""
    upload = _get_upload(state, route, call)
    del state.store.uploads[upload.id]
    return Answer(204)


def _mount(state: State, route: Route, digest: str, call: Call) -> Answer | None:
    if state.options.mount_status > 202:
        raise RefusedError(state.options.mount_status, "DENIED", "mounting is not for you")
    source = state.store.find(call.query.get("from", ""))
    if state.options.mount_status == 202 or source is None or digest not in source.blobs:
        return None
    state.store.open(route.repository).blobs[digest] = source.blobs[digest]
    return _created(state, route.repository, digest, call)


async def _take(upload: Upload, chunks: AsyncIterator[bytes]) -> None:
    async for chunk in chunks:
        upload.append(chunk)


def _finish(state: State, upload: Upload, digest: str, call: Call) -> Answer:
    state.store.uploads.pop(upload.id, None)
    if upload.digest(digest.partition(":")[0]) != digest:
        raise RefusedError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    repository = state.store.open(upload.repository)
    repository.blobs[digest] = upload.content()
    if state.options.is_sha256_canonical and (canonical := upload.digest("sha256")) not in {None, digest}:
        repository.blobs[canonical] = repository.blobs[digest]
        repository.canonical_digests[digest] = canonical
        digest = canonical
    return _created(state, upload.repository, digest, call)


def _created(state: State, repository: str, digest: str, call: Call) -> Answer:
    location = f"/v2/{repository}/blobs/{digest}"
    return Answer(201, {"Location": _located(state, location, call), "Docker-Content-Digest": digest})


def _get_upload(state: State, route: Route, call: Call) -> Upload:
    if call.loses_upload:
        state.store.uploads.pop(route.reference, None)
    if call.query.get("_state", "").partition(".")[0] != route.reference:
        raise RefusedError(404, "BLOB_UPLOAD_INVALID", "the query of the Location is missing")
    upload = state.store.uploads.get(route.reference)
    if upload is None or upload.repository != route.repository:
        raise RefusedError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry")
    return upload


def _session_headers(state: State, upload: Upload, call: Call) -> dict[str, str]:
    location = f"/v2/{upload.repository}/blobs/uploads/{upload.id}?_state={upload.id}.{upload.received}"
    return {
        "Location": _located(state, location, call),
        "Docker-Upload-UUID": upload.id,
        "Range": f"0-{max(upload.received - 1, 0)}",
    }


def _located(state: State, path: str, call: Call) -> str:
    return path if state.options.relative_locations else f"{call.origin}{path}"


def _check_algorithm(state: State, algorithm: str) -> None:
    if algorithm not in state.options.digest_algorithms:
        raise RefusedError(400, "DIGEST_INVALID", f"unsupported digest algorithm: {algorithm}")


def _check_range(state: State, upload: Upload, call: Call) -> None:
    value = call.headers.get("Content-Range")
    if value is None or not state.options.checks_content_range:
        return
    match = _CONTENT_RANGE.fullmatch(value)
    if match is None or int(match[1]) != upload.received:
        headers = _session_headers(state, upload, call)
        raise RefusedError(416, "RANGE_INVALID", "the range does not begin where the upload ends", headers)
