"""Remembers which repositories of a target hold which blobs: those are mounted and not sent again."""

from collections import OrderedDict

_REPOSITORIES_PER_DIGEST = 8


class KnownBlobs:
    """
    Where the blobs of one target endpoint are, as far as this process has seen; it forgets the oldest.

    Knowledge is a hint: the registry may have collected the blob since, so every use of it must survive
    being wrong. Keep one instance per endpoint *and* prefix *and* credential: what one tenant has brought
    must not be mounted for another, who may name its digest without ever having had its bytes.
    """

    def __init__(self, max_digests: int = 50_000) -> None:
        self._max_digests = max_digests
        self._repositories: OrderedDict[str, tuple[str, ...]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._repositories)

    def has(self, repository: str, digest: str) -> bool:
        """Tell whether the repository is known to hold the blob."""
        return repository in self._repositories.get(digest, ())

    def find_origin(self, repository: str, digest: str) -> str | None:
        """Name another repository that holds the blob, the one seen last, or None."""
        for candidate in self._repositories.get(digest, ()):
            if candidate != repository:
                return candidate
        return None

    def add(self, repository: str, digest: str) -> None:
        """Remember that the repository holds the blob."""
        others = tuple(name for name in self._repositories.get(digest, ()) if name != repository)
        self._repositories[digest] = (repository, *others[: _REPOSITORIES_PER_DIGEST - 1])
        self._repositories.move_to_end(digest)
        while len(self._repositories) > self._max_digests:
            self._repositories.popitem(last=False)

    def forget(self, repository: str, digest: str) -> None:
        """Drop what was known of the blob in this repository; other repositories stay."""
        rest = tuple(name for name in self._repositories.get(digest, ()) if name != repository)
        if rest:
            self._repositories[digest] = rest
        else:
            self._repositories.pop(digest, None)
