"""
Reads a blob once for several targets that want it at about the same time.

Whoever wants a blob first starts its download, which runs in a task of its own; the others take a seat beside
it. The window holds what the slowest has still to send, and what is kept for those who are expected to come.
When the memory for that is used up, the readers go at the pace of the slowest. One who holds up the others for
more than a few seconds reads for itself from where it is, as does one who is late for the window. Nothing in
here is about one target's failure: a seat that is given up changes nothing for others.

Memory: the windows of all downloads together hold at most `budget_bytes`, and beyond that `WINDOW_BYTES` or
a chunk for each download under way. Only a few large blobs are read at a time (`admission`), so that the
readers want the same ones.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, nullcontext

from registries.oci.client import RegistryClient
from registries.oci.direct_body import Chunk
from registries.oci.endpoint import Endpoint
from registries.oci.manifest import Descriptor
from registries.transfer.admission import Admission
from registries.transfer.flow import Flow
from registries.transfer.patience import Party
from registries.transfer.room import Room

BUDGET_BYTES = 32 * 1024 * 1024
_LARGE_BYTES = 1024 * 1024
_LINGER_SECONDS = 2.0


class SharedReads:
    """The downloads that several targets share in one event loop."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self._room = Room(budget_bytes)
        self._flows: dict[tuple[Endpoint, str], Flow] = {}
        self._works: dict[Endpoint, Counter[tuple[Party, str]]] = {}
        self._admission = Admission()

    @property
    def held_bytes(self) -> int:
        """Return how many bytes are in memory."""
        return self._room.held_bytes

    @contextmanager
    def expecting(self, source: Endpoint, party: Party, repository: str) -> Iterator[None]:
        """
        Expect the party to read blobs of this repository; "" stands for all, and holds a little longer.

        What others read is kept for it, as far as there is room.
        """
        works = self._works.setdefault(source, Counter())
        works[party, repository] += 1
        if not self._room.patience.is_alone(party):
            for flow in self._flows_of(source):
                if repository in ("", flow.repository):
                    flow.expect(party)
        try:
            yield
        finally:
            if repository:
                self._release(source, party, repository)
            else:
                loop = asyncio.get_running_loop()
                loop.call_later(_LINGER_SECONDS, self._release, source, party, repository)

    def is_shared(self, source: Endpoint) -> bool:
        """Tell whether more than one party reads from the source at present."""
        return len({party for party, _repository in self._works.get(source, ())}) > 1

    def turn(self, source: Endpoint, blob: Descriptor, party: Party) -> AbstractAsyncContextManager[None]:
        """Wait until the blob is one of the few that are read at a time; a small one, or one at hand, always is."""
        key = (source, blob.digest)
        if blob.size <= _LARGE_BYTES or key in self._flows or not self.is_shared(source):
            return nullcontext()
        return self._admission.enter(key, party)

    async def stream(
        self, client: RegistryClient, repository: str, blob: Descriptor, *, offset: int, party: Party
    ) -> AsyncGenerator[Chunk, None]:
        """
        Yield the blob from the offset on, like `RegistryClient.lend_blob`.

        A party that reads a blob for the second time does so for itself: the first time may have gone wrong.
        """
        position = offset
        flow = self._find(client, repository, blob, party) if offset == 0 else None
        if flow is not None:
            seat = flow.sit(party)
            try:
                async with aclosing(seat.chunks(repository)) as chunks:
                    async for chunk in chunks:
                        position += len(chunk)
                        yield chunk
            finally:
                await flow.leave(seat)
        if position < blob.size or flow is None:
            async with aclosing(client.lend_blob(repository, blob, offset=position)) as rest:
                async for lent in rest:
                    yield lent

    async def aclose(self) -> None:
        """End every download and forget everything."""
        self._works.clear()
        flows = list(self._flows.values())
        for flow in flows:
            flow.drop()
        await asyncio.gather(*(flow.task for flow in flows), return_exceptions=True)

    def _find(self, client: RegistryClient, repository: str, blob: Descriptor, party: Party) -> Flow | None:
        """Return the download in which the party takes a seat, begun if there is none; None: it reads alone."""
        if self._room.patience.is_alone(party):
            return None
        key = (client.endpoint, blob.digest)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = Flow(
                client,
                repository,
                blob,
                room=self._room,
                expected=self._expected(client.endpoint, repository),
                on_end=lambda ended: self._admission.finish(ended.key),
                on_drop=self._forget,
            )
            self._admission.begin(key)
        return flow if flow.may_sit(party) else None

    def _expected(self, source: Endpoint, repository: str) -> set[Party]:
        """Return who is about to read blobs of the repository."""
        works = self._works.get(source, ())
        parties = {party for party, known in works if known in ("", repository)}
        return {party for party in parties if not self._room.patience.is_alone(party)}

    def _forget(self, flow: Flow) -> None:
        """Offer the download to nobody else."""
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]

    def _release(self, source: Endpoint, party: Party, repository: str) -> None:
        works = self._works.get(source)
        if works is None:
            return
        works[party, repository] -= 1
        if works[party, repository] <= 0:
            del works[party, repository]
        if not works:
            self._works.pop(source, None)
        for flow in self._flows_of(source):
            if party not in self._expected(source, flow.repository):
                flow.expect_no_more(party)

    def _flows_of(self, source: Endpoint) -> list[Flow]:
        return [flow for (endpoint, _digest), flow in self._flows.items() if endpoint == source]
