"""Lists of one registry: repositories, tags, referrers. Follows pages however the registry spells the next one."""

import json
from collections.abc import AsyncIterator
from typing import Any

from registries.oci import scope
from registries.oci.digest import is_digest
from registries.oci.errors import NotFound, RegistryError, Rejected, ServerError
from registries.oci.exchange import Reply
from registries.oci.links import next_target, with_query
from registries.oci.manifest import Descriptor, parse_referrers
from registries.oci.names import Names
from registries.oci.reference import is_tag
from registries.oci.sending import Sender

# Distribution refuses more than 1000, some registries more than 100.
_PAGE_SIZES = (1000, 100, None)
_MAX_PAGES = 100_000
_MAX_REFERRER_PAGES = 1000
_REFERRERS = frozenset({200, 404, 405, 501})


class Listing:
    """The lists of a registry."""

    def __init__(self, sender: Sender, names: Names) -> None:
        self._sender = sender
        self._names = names

    async def repositories(self) -> AsyncIterator[list[str]]:
        """
        Yield pages of repository names under the prefix, with the prefix taken off.

        Raises Unsupported or NotFound if the registry has no catalog, and Forbidden or Unauthorized
        if it may not be read: a refused list is never an empty one.
        """
        first = await self._first_page("/v2/_catalog", scope.CATALOG)
        async for page in self._pages(first, "/v2/_catalog", scope.CATALOG, "repositories"):
            own = [name for name in map(self._names.own, page) if name]
            if own:
                yield own

    async def tags(self, repository: str) -> AsyncIterator[list[str]]:
        """Yield pages of tags in the registry's order. A repository that does not exist has none."""
        path, scopes = self._names.path(repository, "tags/list"), self._names.read_scopes(repository)
        try:
            first = await self._first_page(path, scopes)
        except NotFound:
            return
        async for page in self._pages(first, path, scopes, "tags"):
            tags = [tag for tag in page if is_tag(tag)]
            if tags:
                yield tags

    async def referrers(self, repository: str, digest: str) -> list[Descriptor] | None:
        """Return what refers to the digest; None if the registry has no referrers API."""
        if not is_digest(digest):
            raise Rejected(f"not a digest: {digest[:200]!r}")
        url: str | None = self._names.path(repository, f"referrers/{digest}")
        scopes = self._names.read_scopes(repository)
        found: dict[str, Descriptor] = {}
        visited: set[str] = set()
        while url is not None and url not in visited and len(visited) < _MAX_REFERRER_PAGES:
            visited.add(url)
            try:
                reply = await self._sender.fetch("GET", url, scopes, accept=_REFERRERS)
            except Rejected:
                if found:
                    raise
                return None
            if reply.status != 200:
                return None
            found.update((descriptor.digest, descriptor) for descriptor in parse_referrers(reply.content))
            url = next_target(reply.headers.get("link"), url)
        return list(found.values())

    async def _pages(
        self, reply: Reply, path: str, scopes: scope.Scopes, field: str
    ) -> AsyncIterator[list[str]]:
        """Yield the named list of every page. Ends where a registry leads in circles or repeats itself."""
        visited = {path}
        previous: list[str] = []
        for _ in range(_MAX_PAGES):
            names = _names(reply, field)
            if names and names == previous:
                return
            yield names
            previous = names
            target = next_target(reply.headers.get("link"), path)
            if target is None or target in visited:
                return
            visited.add(target)
            path = target
            reply = await self._sender.fetch("GET", target, scopes)

    async def _first_page(self, path: str, scopes: scope.Scopes) -> Reply:
        refused: RegistryError | None = None
        for size in _PAGE_SIZES:
            url = path if size is None else with_query(path, f"n={size}")
            try:
                return await self._sender.fetch("GET", url, scopes)
            except Rejected as error:
                refused = error
        raise refused or AssertionError("no page size was tried")


def _names(reply: Reply, field: str) -> list[str]:
    try:
        document: Any = json.loads(reply.content)
    except ValueError as error:
        raise ServerError("the registry answered a list with something else than JSON") from error
    names = document.get(field) if isinstance(document, dict) else None
    if names is None:
        return []
    if not isinstance(names, list):
        raise ServerError(f"the registry answered {field} with something else than a list")
    return [name for name in names if isinstance(name, str)]
