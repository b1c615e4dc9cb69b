"""Keeps manifests that were just read, because several tags of a repository often name the same one."""

from registries.oci.manifest import Manifest


class RecentManifests:
    """Manifests by digest, up to a number of bytes together; the oldest make room for new ones."""

    def __init__(self, max_bytes: int = 4 * 1024 * 1024) -> None:
        self._max_bytes = max_bytes
        self._bytes = 0
        self._manifests: dict[str, Manifest] = {}

    def find(self, digest: str) -> Manifest | None:
        """Return the manifest if it was kept."""
        return self._manifests.get(digest)

    def add(self, manifest: Manifest) -> None:
        """Keep the manifest, at least until the next one comes."""
        if manifest.digest in self._manifests:
            return
        self._manifests[manifest.digest] = manifest
        self._bytes += len(manifest.content)
        while self._bytes > self._max_bytes and len(self._manifests) > 1:
            oldest = self._manifests.pop(next(iter(self._manifests)))
            self._bytes -= len(oldest.content)
