"""Operations on manifests: GET, HEAD, PUT and DELETE by tag or digest."""

import functools
import json

from tests.fakes.answers import Answer, RefusedError
from tests.fakes.content import digest_of
from tests.fakes.routing import Route
from tests.fakes.server import Call
from tests.fakes.state import State
from tests.fakes.store import Repository, StoredManifest

MAX_TAG_PARAMETERS = 10


async def read(state: State, route: Route, call: Call) -> Answer:
    """Answer a manifest, the same bytes that were pushed."""
    options = state.options
    if call.method == "HEAD" and options.head_status is not None:
        return Answer(options.head_status)
    repository = state.store.find(route.repository)
    manifest = repository.find_manifest(route.reference) if repository else None
    if manifest is None:
        raise RefusedError(404, "MANIFEST_UNKNOWN", f"manifest unknown: {route.reference}")
    if options.requires_accept and manifest.media_type not in _accepted(call):
        raise RefusedError(
            404, "MANIFEST_UNKNOWN", "manifest found, but accept header does not support its type"
        )
    headers = {"Content-Type": manifest.media_type}
    if call.method == "GET" or options.head_has_digest:
        is_tag = ":" not in route.reference
        lie = options.wrong_tag_digest if is_tag else None
        headers["Docker-Content-Digest"] = lie or manifest.digest
        headers["Etag"] = f'"{manifest.digest}"'
    return Answer(200, headers, manifest.content)


async def write(state: State, route: Route, call: Call) -> Answer:
    """Take a manifest if all it needs is there."""
    content = await call.body()
    media_type = call.headers.get("Content-Type", "").partition(";")[0].strip()
    manifest = _checked(state, route, content, media_type)
    repository = state.store.open(route.repository)
    if not state.options.sparse:
        _check_complete(repository, manifest)
    tags = [] if ":" in route.reference else [route.reference]
    headers = {"Docker-Content-Digest": manifest.digest}
    if state.options.accepts_tag_parameters and (wanted := call.query.getall("tag", [])):
        if len(wanted) > MAX_TAG_PARAMETERS:
            raise RefusedError(414, "TOO_MANY_TAGS")
        tags += wanted
        headers["OCI-Tag"] = ", ".join(wanted)
    if state.options.immutable_tags:
        _check_tags_stay(repository, tags, manifest.digest)
    repository.manifests[manifest.digest] = manifest
    for tag in tags:
        repository.set_tag(tag, manifest.digest)
    subject = manifest.document.get("subject")
    if subject and state.options.referrers:
        headers["OCI-Subject"] = subject["digest"]
    headers["Location"] = f"{call.origin}/v2/{route.repository}/manifests/{manifest.digest}"
    return Answer(201, headers)


async def delete(state: State, route: Route, call: Call) -> Answer:
    """Remove a tag, or a manifest with all its tags."""
    if not state.options.deletes:
        raise RefusedError(405, "UNSUPPORTED", "the operation is unsupported")
    is_tag = ":" not in route.reference
    if is_tag and not state.options.deletes_tags:
        raise RefusedError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    repository = state.store.find(route.repository)
    if repository is None or route.reference not in (repository.tags if is_tag else repository.manifests):
        raise RefusedError(404, "MANIFEST_UNKNOWN", "manifest unknown")
    if is_tag:
        del repository.tags[route.reference]
    else:
        repository.remove_manifest(route.reference)
    return Answer(202)


def _checked(state: State, route: Route, content: bytes, media_type: str) -> StoredManifest:
    if len(content) > state.options.max_manifest_bytes:
        raise RefusedError(413, "SIZE_INVALID", "manifest too large")
    algorithm = route.reference.partition(":")[0] if ":" in route.reference else "sha256"
    if algorithm not in state.options.manifest_algorithms:
        raise RefusedError(400, "DIGEST_INVALID", f"unsupported digest algorithm: {algorithm}")
    manifest = StoredManifest(content, media_type, digest_of(content, algorithm))
    if ":" in route.reference and manifest.digest != route.reference:
        raise RefusedError(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
    try:
        document = json.loads(content)
    except ValueError:
        raise RefusedError(400, "MANIFEST_INVALID", "not JSON") from None
    if not isinstance(document, dict) or document.get("mediaType", media_type) != media_type:
        raise RefusedError(400, "MANIFEST_INVALID", "mediaType differs from Content-Type")
    if document.get("schemaVersion") == 1 and not state.options.accepts_schema1:
        raise RefusedError(400, "MANIFEST_INVALID", "schema 1 is not supported")
    return manifest


def _check_complete(repository: Repository, manifest: StoredManifest) -> None:
    missing = repository.missing(manifest)
    if missing:
        raise RefusedError(400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry", details=missing)


def _check_tags_stay(repository: Repository, tags: list[str], digest: str) -> None:
    for tag in tags:
        if repository.tags.get(tag, digest) != digest:
            raise RefusedError(412, "DENIED", f"tag {tag} is immutable")


def _accepted(call: Call) -> frozenset[str]:
    return _parse_accept(tuple(call.headers.getall("Accept", [])))


@functools.lru_cache(maxsize=32)
def _parse_accept(values: tuple[str, ...]) -> frozenset[str]:
    return frozenset(part.partition(";")[0].strip() for value in values for part in value.split(","))
