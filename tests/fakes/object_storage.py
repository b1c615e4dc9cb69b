"""The object storage behind a registry, to which it redirects readers of blobs with signed URLs."""

from tests.fakes.answers import Answer
from tests.fakes.blobs import ranged
from tests.fakes.registry import FakeRegistry
from tests.fakes.server import Call, FaultyServer


class ObjectStorage(FaultyServer):
    """
    Serves the registry's blobs on another port while it is started.

    As real ones do, it answers 400 to a signed URL that comes with an Authorization header, and
    403 to a method other than the one that the URL was signed for.
    """

    def __init__(self, registry: FakeRegistry) -> None:
        super().__init__(self._serve_object)
        self._registry = registry

    def start(self) -> None:
        """Listen, and have the registry redirect to here."""
        super().start()
        self._registry.store_blobs_at(self.url)

    def stop(self) -> None:
        """Stop listening, and have the registry serve blobs itself."""
        self._registry.store_blobs_at(None)
        super().stop()

    async def _serve_object(self, call: Call) -> Answer:
        if "Authorization" in call.headers:
            return Answer(400, {}, b"only one auth mechanism allowed")
        if call.query.get("signed-for") != call.method:
            return Answer(403, {}, b"the signature does not match")
        repository, _, digest = call.path.lstrip("/").rpartition("/")
        content = self._registry.find_content(repository, digest)
        if content is None:
            return Answer(404, {}, b"no such key")
        return ranged(content, {"Content-Type": "binary/octet-stream"}, call.headers.get("Range", ""))
