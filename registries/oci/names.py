"""Builds the paths of one endpoint from checked names, so that nothing a registry or rule says can escape them."""

from registries.oci import scope
from registries.oci.digest import is_digest
from registries.oci.endpoint import Endpoint
from registries.oci.errors import Rejected
from registries.oci.reference import is_reference, is_repository


class Names:
    """
    Paths and scopes of repositories under the endpoint's prefix.

    With `writes` the right to push is asked for from the first request on: a target is read and
    written, and one token serves for both.
    """

    def __init__(self, endpoint: Endpoint, *, writes: bool) -> None:
        self._endpoint = endpoint
        self._writes = writes

    def full(self, repository: str) -> str:
        """Return the name with the prefix. Raises Rejected if it is not the name of a repository."""
        name = self._endpoint.full_name(repository)
        if not is_repository(name):
            raise Rejected(f"not the name of a repository: {name[:300]!r}")
        return name

    def own(self, full_name: str) -> str | None:
        """Return the name without the prefix, or None if it lies outside."""
        return self._endpoint.own_name(full_name)

    def read_scopes(self, repository: str) -> scope.Scopes:
        """Return the scopes for reading."""
        name = self.full(repository)
        return scope.push(name) if self._writes else scope.pull(name)

    def path(self, repository: str, rest: str) -> str:
        """Return the path of something in the repository."""
        return f"/v2/{self.full(repository)}/{rest}"

    def manifest_path(self, repository: str, reference: str) -> str:
        """Return the path of a manifest. Raises Rejected if the reference is neither tag nor digest."""
        if not is_reference(reference):
            raise Rejected(f"neither a tag nor a digest: {reference[:200]!r}")
        return f"/v2/{self.full(repository)}/manifests/{reference}"

    def blob_path(self, repository: str, digest: str) -> str:
        """Return the path of a blob. Raises Rejected if the digest is none."""
        if not is_digest(digest):
            raise Rejected(f"not a digest: {digest[:200]!r}")
        return f"/v2/{self.full(repository)}/blobs/{digest}"
