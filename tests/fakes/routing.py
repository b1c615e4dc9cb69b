"""Which operation of the distribution spec a path means, and what access it needs."""

import re
from dataclasses import dataclass

_COMPONENT = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_NAME = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_TAG = r"\w[\w.-]{0,127}"
_DIGEST = r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
_PATTERN = re.compile(
    rf"/v2/(?:(?P<ping>)|(?P<catalog>_catalog)|(?P<name>{_NAME})/(?:"
    rf"(?P<tags>tags/list)|manifests/(?P<manifest>{_TAG}|{_DIGEST})|blobs/uploads/(?P<upload>[\w-]*)"
    rf"|blobs/(?P<blob>{_DIGEST})|referrers/(?P<referrers>{_DIGEST})))",
    re.ASCII,
)
_READS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Access:
    """Permission that a request needs, as written in a token's scope."""

    kind: str
    name: str
    actions: frozenset[str]

    def __str__(self) -> str:
        order = ("pull", "push", "delete", "*")
        return f"{self.kind}:{self.name}:{','.join(a for a in order if a in self.actions)}"


@dataclass(frozen=True, slots=True)
class Route:
    """An operation: one of ping, catalog, tags, manifest, upload, blob, referrers; and what it is about."""

    operation: str
    repository: str = ""
    reference: str = ""

    def needed_access(self, method: str, from_repository: str | None) -> list[Access]:
        """Return the permissions that distribution would ask for."""
        if self.operation == "ping":
            return []
        if self.operation == "catalog":
            return [Access("registry", "catalog", frozenset({"*"}))]
        actions = {"DELETE": {"delete"}}.get(method, {"pull"} if method in _READS else {"pull", "push"})
        needed = [Access("repository", self.repository, frozenset(actions))]
        if from_repository:
            needed.append(Access("repository", from_repository, frozenset({"pull"})))
        return needed


def find_route(path: str) -> Route | None:
    """Return what the path means; None if it is not a path of the spec."""
    match = _PATTERN.fullmatch(path)
    if match is None:
        return None
    operation = match.lastgroup or ""
    if operation == "name":
        return None
    return Route(operation, match["name"] or "", match[operation])
