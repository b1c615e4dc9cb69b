"""Operations that list: catalogue, tags, referrers."""

from collections.abc import Sequence
from urllib.parse import quote

from tests.fakes import paging
from tests.fakes.answers import Answer, RefusedError, json_answer, text_answer
from tests.fakes.routing import Route
from tests.fakes.server import Call
from tests.fakes.state import State

OCI_INDEX = "application/vnd.oci.image.index.v1+json"

_REFUSALS = {401: "UNAUTHORIZED", 403: "DENIED", 404: "NOT_FOUND"}


async def ping(state: State, route: Route, call: Call) -> Answer:
    """Answer that the registry speaks the API."""
    return json_answer(200, {}, {"Docker-Distribution-Api-Version": "registry/2.0"})


async def list_repositories(state: State, route: Route, call: Call) -> Answer:
    """Answer a page of the catalogue, sorted."""
    if state.options.catalog_status is not None:
        status = state.options.catalog_status
        raise RefusedError(status, _REFUSALS.get(status, "UNSUPPORTED"), "the catalogue is not for you")
    names, headers = _page(state, call, sorted(state.store.repositories))
    return json_answer(200, {"repositories": names}, headers)


async def list_tags(state: State, route: Route, call: Call) -> Answer:
    """Answer a page of the tags, or all of them where the options say so."""
    options = state.options
    repository = state.store.find(route.repository)
    is_known = repository is not None and repository.was_tagged
    if not is_known and options.unknown_repository_status != 200:
        raise RefusedError(
            options.unknown_repository_status, "NAME_UNKNOWN", "repository name not known to registry"
        )
    tags = list(repository.tags) if repository else []
    if options.sorts_tags:
        tags.sort()
    headers: dict[str, str] = {}
    names: Sequence[str] | None = tags
    if options.pages_tags:
        names, headers = _page(state, call, tags)
    if not names and options.null_tags:
        names = None
    return json_answer(200, {"name": route.repository, "tags": names}, headers)


async def list_referrers(state: State, route: Route, call: Call) -> Answer:
    """Answer an index of the manifests with this subject, filtered by artifact type on request."""
    if not state.options.referrers:
        return text_answer(404, "page not found")
    repository = state.store.find(route.repository)
    descriptors = repository.referrers(route.reference) if repository else []
    headers = {"Content-Type": OCI_INDEX}
    wanted = call.query.get("artifactType")
    if wanted:
        descriptors = [each for each in descriptors if each.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    by_digest = {descriptor["digest"]: descriptor for descriptor in descriptors}
    digests, links = _page(state, call, sorted(by_digest))
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_INDEX,
        "manifests": [by_digest[digest] for digest in digests],
    }
    return json_answer(200, document, {**headers, **links})


def _page(state: State, call: Call, names: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    options = state.options
    size = paging.requested_size(options, call.query.get("n"))
    chosen, has_more = paging.page(names, size, call.query.get("last"))
    headers = {}
    if chosen and (has_more or options.links_last_page):
        path = quote(call.path, safe="/:")
        headers["Link"] = paging.link_header(options.link_style, call.origin, path, size, chosen[-1])
    return list(chosen), headers
