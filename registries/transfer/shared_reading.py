"""
Reads a blob once for several targets that want it at about the same time.

Whoever wants a blob first starts its download, which runs in a task of its own; the others take a seat beside
it. The window holds what the slowest has still to send, and what is kept for those who are expected to come. A
reader who is late for the window, or falls so far behind that the others would wait, reads for itself from
where it is. Nothing in here is about one target's failure: a seat that is given up changes nothing for others.

Memory: the windows of all downloads together hold at most `budget_bytes`, and beyond that `WINDOW_BYTES` and
a chunk for each download under way. Patience: a reader who holds up others is left behind after half a second
and a quarter of the time that the download has taken; for half a minute after that, without the half second.
Only a few large blobs are read at a time (`admission`), so that the readers want the same ones.
"""

import asyncio
import time
from collections import Counter, deque
from collections.abc import AsyncGenerator, Hashable, Iterator
from contextlib import AbstractAsyncContextManager, aclosing, contextmanager, nullcontext, suppress

from registries.oci.client import RegistryClient
from registries.oci.direct_body import Chunk
from registries.oci.endpoint import Endpoint
from registries.oci.errors import RegistryError
from registries.oci.manifest import Descriptor
from registries.transfer.admission import Admission

BUDGET_BYTES = 32 * 1024 * 1024
WINDOW_BYTES = 512 * 1024
_PATIENCE_SECONDS = 0.5
_PATIENCE_RATIO = 0.25
_SLOW_SECONDS = 30.0
_NO_SHOWS = 3
_LARGE_BYTES = 1024 * 1024
_LINGER_SECONDS = 2.0

Party = Hashable
"""Who reads: one target, whatever it reads from the source."""


class SharedReads:
    """The downloads that several targets share in one event loop."""

    def __init__(self, budget_bytes: int = BUDGET_BYTES) -> None:
        self.budget_bytes = budget_bytes
        self.held_bytes = 0
        self._flows: dict[tuple[Endpoint, str], Flow] = {}
        self._works: dict[Endpoint, Counter[tuple[Party, str]]] = {}
        self._slow_until: dict[Party, float] = {}
        self._no_shows: Counter[Party] = Counter()
        self.admission = Admission()

    @contextmanager
    def expecting(self, source: Endpoint, party: Party, repository: str) -> Iterator[None]:
        """
        Expect the party to read blobs of this repository; "" stands for all, and holds a little longer.

        What others read is kept for it, as far as there is room.
        """
        works = self._works.setdefault(source, Counter())
        works[party, repository] += 1
        for flow in self._flows_of(source):
            flow.expect(party, repository)
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
        return self.admission.enter(key, party)

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

    def is_slow(self, party: Party) -> bool:
        """Tell whether the party has held up others a moment ago."""
        return time.monotonic() < self._slow_until.get(party, 0.0)

    def note_slow(self, party: Party) -> None:
        """Wait less for the party for a while."""
        self._slow_until[party] = time.monotonic() + _SLOW_SECONDS

    def note_arrival(self, party: Party, *, has_come: bool) -> None:
        """Expect a party no longer for a while that did not come several times in a row."""
        self._no_shows[party] = 0 if has_come else self._no_shows[party] + 1
        if self._no_shows[party] >= _NO_SHOWS:
            self.note_slow(party)

    def expected(self, source: Endpoint, repository: str) -> set[Party]:
        """Return who is about to read blobs of the repository."""
        works = self._works.get(source, ())
        parties = {party for party, known in works if known in ("", repository)}
        return {party for party in parties if not self.is_slow(party)}

    def make_room(self, size: int) -> bool:
        """Tell whether so many bytes more may be held, after dropping what is only kept for late comers."""
        for flow in [flow for flow in self._flows.values() if flow.is_only_kept]:
            if self.held_bytes + size <= self.budget_bytes:
                break
            flow.drop()
        return self.held_bytes + size <= self.budget_bytes

    def forget(self, flow: "Flow") -> None:
        """Offer the download to nobody else."""
        if self._flows.get(flow.key) is flow:
            del self._flows[flow.key]

    def _find(self, client: RegistryClient, repository: str, blob: Descriptor, party: Party) -> "Flow | None":
        key = (client.endpoint, blob.digest)
        flow = self._flows.get(key)
        if flow is None:
            flow = self._flows[key] = Flow(self, client, repository, blob)
        return flow if flow.may_sit(party) else None

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
            if party not in self.expected(source, flow.repository):
                flow.expect_no_more(party)

    def _flows_of(self, source: Endpoint) -> "list[Flow]":
        return [flow for (endpoint, _digest), flow in self._flows.items() if endpoint == source]


class Seat:
    """One reader of a download: where it is, and whether it has been left behind."""

    __slots__ = ("_flow", "is_left_behind", "number", "party", "waited_seconds", "wake_up")

    def __init__(self, flow: "Flow", party: Party) -> None:
        self._flow = flow
        self.party = party
        self.number = 0
        self.is_left_behind = False
        self.waited_seconds = 0.0
        self.wake_up: asyncio.Future[None] | None = None

    async def chunks(self, repository: str) -> AsyncGenerator[bytes, None]:
        """Yield what the download brings, until it ends or goes on without this reader."""
        flow = self._flow
        while not self.is_left_behind:
            chunk = flow.take(self)
            if chunk is not None:
                yield chunk
            elif not flow.is_done:
                self.wake_up = asyncio.get_running_loop().create_future()
                flow.moved.set()
                await self.wake_up
            elif flow.error is not None and flow.repository == repository:
                raise flow.error
            else:
                return


class Flow:
    """One download, its window of chunks, and its readers."""

    def __init__(
        self, shared: SharedReads, client: RegistryClient, repository: str, blob: Descriptor
    ) -> None:
        self.key = (client.endpoint, blob.digest)
        self.repository = repository
        self.moved = asyncio.Event()
        self.is_done = False
        self.error: RegistryError | None = None
        self._shared = shared
        self._client = client
        self._blob = blob
        self._chunks: deque[bytes] = deque()
        self._first_number = 0
        self._held_bytes = 0
        self._seats: list[Seat] = []
        self._served: set[Party] = set()
        self._absent = shared.expected(client.endpoint, repository)
        self._waited_for_absent_seconds = 0.0
        self._began_at = time.monotonic()
        shared.admission.begin(self.key)
        self.task = asyncio.create_task(self._run())

    @property
    def is_only_kept(self) -> bool:
        """Tell whether nobody reads it at present."""
        return self.is_done and not self._seats

    def may_sit(self, party: Party) -> bool:
        """Tell whether the party can read it from the beginning, and has not done so."""
        return party not in self._served and self._first_number == 0 and self.error is None

    def sit(self, party: Party) -> Seat:
        """Let the party read from the beginning."""
        seat = Seat(self, party)
        self._seats.append(seat)
        self._served.add(party)
        self._shared.note_arrival(party, has_come=True)
        self._absent.discard(party)
        return seat

    async def leave(self, seat: Seat) -> None:
        """Take a reader off. Without readers, the download ends."""
        if seat in self._seats:
            self._seats.remove(seat)
        self._trim()
        self.moved.set()
        if self._seats:
            return
        if not self.is_done:
            self.drop()
            await asyncio.gather(self.task, return_exceptions=True)
        elif not self._absent:
            self.drop()

    def expect(self, party: Party, repository: str) -> None:
        """Keep what is there for the party, if it may want it and can still have all."""
        if repository in ("", self.repository) and self.may_sit(party) and not self._shared.is_slow(party):
            self._absent.add(party)

    def expect_no_more(self, party: Party) -> None:
        """Keep nothing for the party any longer."""
        self._absent.discard(party)
        if self.is_only_kept and not self._absent:
            self.drop()
        else:
            self._trim()
            self.moved.set()

    def drop(self) -> None:
        """End it, and hold nothing; whoever still reads goes on alone."""
        self.task.cancel()
        self._absent.clear()
        self._shared.forget(self)
        self._release(len(self._chunks))
        self._end()

    def take(self, seat: Seat) -> bytes | None:
        """Return the reader's next chunk, None if there is none yet."""
        index = seat.number - self._first_number
        if index >= len(self._chunks):
            return None
        chunk = self._chunks[index]
        seat.number += 1
        if index == 0:
            self._trim()
        self.moved.set()
        return chunk

    async def _run(self) -> None:
        try:
            async with aclosing(self._client.lend_blob(self.repository, self._blob)) as chunks:
                async for chunk in chunks:
                    await self._wait_for_room(len(chunk))
                    self._chunks.append(bytes(chunk))
                    self._held_bytes += len(chunk)
                    self._shared.held_bytes += len(chunk)
                    self._wake_all()
        except RegistryError as error:
            self.error = error
            self._shared.forget(self)
        finally:
            self._end()

    def _end(self) -> None:
        self.is_done = True
        self._shared.admission.finish(self.key)
        self._wake_all()

    async def _wait_for_room(self, size: int) -> None:
        """Return once the window may grow; whoever holds up others for too long is left behind."""
        while not self._has_room(size):
            self.moved.clear()
            began_at = time.monotonic()
            is_starving = any(seat.wake_up is not None for seat in self._seats)
            patience = self._patience() if is_starving else None
            if patience is not None and patience <= 0:
                self._leave_behind()
                continue
            with suppress(TimeoutError):
                await asyncio.wait_for(self.moved.wait(), patience)
            if is_starving:
                self._count_wait(time.monotonic() - began_at)

    def _has_room(self, size: int) -> bool:
        self._trim()
        is_narrow = not self._chunks or self._held_bytes + size <= WINDOW_BYTES
        return is_narrow or self._shared.make_room(size)

    def _patience(self) -> float:
        """Return for how many seconds more to wait for those who hold the others up."""
        share = _PATIENCE_RATIO * (time.monotonic() - self._began_at)
        if self._absent:
            return _PATIENCE_SECONDS + share - self._waited_for_absent_seconds
        return min((self._grace(seat) + share - seat.waited_seconds for seat in self._last()), default=0.0)

    def _grace(self, seat: Seat) -> float:
        return 0.0 if self._shared.is_slow(seat.party) else _PATIENCE_SECONDS

    def _count_wait(self, seconds: float) -> None:
        if self._absent:
            self._waited_for_absent_seconds += seconds
        else:
            for seat in self._last():
                seat.waited_seconds += seconds

    def _leave_behind(self) -> None:
        if self._absent:
            for party in self._absent:
                self._shared.note_arrival(party, has_come=False)
            self._absent.clear()
            return
        for seat in self._last():
            self._shared.note_slow(seat.party)
            seat.is_left_behind = True
            self._wake(seat)
            self._seats.remove(seat)

    def _last(self) -> list[Seat]:
        """Return the readers who need the oldest chunk."""
        return [seat for seat in self._seats if seat.number == self._first_number]

    def _trim(self) -> None:
        """Let go of what everybody has, who is here or expected."""
        if self._absent:
            return
        numbers = [seat.number for seat in self._seats]
        if numbers:
            self._release(min(numbers) - self._first_number)

    def _release(self, count: int) -> None:
        for _ in range(count):
            size = len(self._chunks.popleft())
            self._held_bytes -= size
            self._shared.held_bytes -= size
        self._first_number += count

    def _wake_all(self) -> None:
        for seat in self._seats:
            self._wake(seat)

    @staticmethod
    def _wake(seat: Seat) -> None:
        if seat.wake_up is not None and not seat.wake_up.done():
            seat.wake_up.set_result(None)
        seat.wake_up = None
