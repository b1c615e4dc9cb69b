"""Operations on blobs: GET with ranges, HEAD, DELETE."""

import re
from collections.abc import Mapping
from urllib.parse import quote

from tests.fakes.answers import Answer, RefusedError
from tests.fakes.content import Content, NeverSent
from tests.fakes.routing import Route
from tests.fakes.server import Call
from tests.fakes.state import State
from tests.fakes.store import Repository

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


async def read(state: State, route: Route, call: Call) -> Answer:
    """Answer a blob, a part of it, or where else it can be fetched."""
    repository, content = _find(state, route)
    if state.blob_storage_url is not None:
        location = f"{state.blob_storage_url}/{route.repository}/{quote(route.reference)}"
        return Answer(307, {"Location": f"{location}?signed-for={call.method}"})
    digest = repository.canonical_digests.get(route.reference, route.reference)
    headers = {
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": digest,
        "Etag": f'"{digest}"',
    }
    if not state.options.serves_ranges:
        return Answer(200, headers, content)
    answer = ranged(content, headers, call.headers.get("Range", ""))
    if answer.status == 416 and state.options.breaks_wrong_ranges:
        return Answer(416, answer.headers, NeverSent(content.size))
    return answer


async def delete(state: State, route: Route, call: Call) -> Answer:
    """Remove a blob from the repository."""
    if not state.options.deletes:
        raise RefusedError(405, "UNSUPPORTED", "the operation is unsupported")
    repository, _ = _find(state, route)
    del repository.blobs[route.reference]
    return Answer(202)


def ranged(content: Content, headers: Mapping[str, str], wanted: str) -> Answer:
    """Return the content, or the part of it that the value of a Range header asks for."""
    sliceable = {**headers, "Accept-Ranges": "bytes"}
    match = _RANGE.fullmatch(wanted)
    if match is None or wanted == "bytes=-":
        return Answer(200, sliceable, content)
    if match[1]:
        start = int(match[1])
        stop = min(int(match[2]) + 1 if match[2] else content.size, content.size)
    else:
        start, stop = max(content.size - int(match[2]), 0), content.size
    if start >= stop:
        refusal = {"Content-Type": "text/plain; charset=utf-8", "Content-Range": f"bytes */{content.size}"}
        return Answer(416, {**headers, **refusal})
    sliceable["Content-Range"] = f"bytes {start}-{stop - 1}/{content.size}"
    return Answer(206, sliceable, content, start, stop)


def _find(state: State, route: Route) -> tuple[Repository, Content]:
    repository = state.store.find(route.repository)
    content = repository.blobs.get(route.reference) if repository else None
    if repository is None or content is None:
        raise RefusedError(404, "BLOB_UNKNOWN", "blob unknown to registry")
    return repository, content
