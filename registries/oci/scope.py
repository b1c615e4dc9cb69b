"""Scopes of tokens: which right a request needs. Pure."""

from functools import lru_cache

Scopes = tuple[str, ...]

PING: Scopes = ()
CATALOG: Scopes = ("registry:catalog:*",)


@lru_cache(maxsize=8192)
def pull(repository: str) -> Scopes:
    """Return the scopes for reading the repository."""
    return (f"repository:{repository}:pull",)


@lru_cache(maxsize=8192)
def push(repository: str) -> Scopes:
    """Return the scopes for writing to the repository."""
    return (f"repository:{repository}:pull,push",)


def delete(repository: str) -> Scopes:
    """Return the scopes for deleting from the repository."""
    return (f"repository:{repository}:delete",)


def mount(repository: str, from_repository: str) -> Scopes:
    """
    Return the scopes for mounting a blob from another repository.

    The right to push comes first: some token servers read only the first scope. A mount from the
    repository itself, which asks for the blob and begins an upload in one request, needs no other.
    """
    if repository == from_repository:
        return push(repository)
    return (*push(repository), *pull(from_repository))
