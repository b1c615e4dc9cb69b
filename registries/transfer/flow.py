"""One download that several targets read: its window of chunks, and its readers."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import aclosing

from registries.oci.client import RegistryClient
from registries.oci.digest import HashedChunk, algorithm_of, new_hasher
from registries.oci.errors import RegistryError
from registries.oci.manifest import Descriptor
from registries.transfer.patience import Party
from registries.transfer.room import Room

WINDOW_BYTES = 512 * 1024


class Seat:
    """One reader of a download: where it is, and whether it has been left behind."""

    __slots__ = ("_flow", "is_left_behind", "number", "party", "wake_up")

    def __init__(self, flow: "Flow", party: Party) -> None:
        self._flow = flow
        self.party = party
        self.number = 0
        self.is_left_behind = False
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
    """
    A download that runs in a task of its own, for those who read it and those who are expected to.

    `on_end` is called once when it has ended, `on_drop` when it is of no more use to anybody.
    """

    def __init__(
        self,
        client: RegistryClient,
        repository: str,
        blob: Descriptor,
        *,
        room: Room,
        expected: set[Party],
        on_end: Callable[["Flow"], None],
        on_drop: Callable[["Flow"], None],
    ) -> None:
        self.key = (client.endpoint, blob.digest)
        self.repository = repository
        self.moved = asyncio.Event()
        self.is_done = False
        self.error: RegistryError | None = None
        self._client = client
        self._blob = blob
        self._room = room
        self._on_end = on_end
        self._on_drop = on_drop
        self._chunks: deque[bytes] = deque()
        self._first_number = 0
        self._held_bytes = 0
        self._seats: list[Seat] = []
        self._served: set[Party] = set()
        self._absent = expected
        room.enter(self)
        self.task = asyncio.create_task(self._run())

    def may_sit(self, party: Party) -> bool:
        """Tell whether the party can read it from the beginning, and has not done so."""
        return party not in self._served and self._first_number == 0 and self.error is None

    def sit(self, party: Party) -> Seat:
        """Let the party read from the beginning."""
        seat = Seat(self, party)
        self._seats.append(seat)
        self._served.add(party)
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
        else:
            self._drop_if_useless()

    def expect(self, party: Party) -> None:
        """Keep what is there for the party, if it can still have all."""
        if self.may_sit(party):
            self._absent.add(party)

    def expect_no_more(self, party: Party) -> None:
        """Keep nothing for the party any longer, unless it reads already."""
        if party in self._absent:
            self._absent.discard(party)
            self._trim()
            self.moved.set()
            self._drop_if_useless()

    def leave_behind(self, party: Party) -> None:
        """Hold nothing for the party any longer: if it reads, it goes on alone."""
        for seat in [seat for seat in self._seats if seat.party == party]:
            if seat.number == self._first_number:
                seat.is_left_behind = True
                self._wake(seat)
                self._seats.remove(seat)
                self._trim()
                self.moved.set()
        self.expect_no_more(party)
        self._drop_if_useless()

    def drop(self) -> None:
        """End it, and hold nothing; whoever still reads goes on alone."""
        self.task.cancel()
        self._absent.clear()
        self._release(len(self._chunks))
        self._room.leave(self)
        self._on_drop(self)
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

    def owed(self) -> Mapping[Party, int]:
        """Return about how many of the bytes that it holds each party has still to take."""
        count = len(self._chunks)
        if not count:
            return {}
        owed = dict.fromkeys(self._absent, self._held_bytes)
        for seat in self._seats:
            left = count - (seat.number - self._first_number)
            owed[seat.party] = self._held_bytes * left // count
        return owed

    def readers(self) -> Iterator[tuple[Party, bool]]:
        """Yield who reads it, and whether that reader waits for it."""
        return ((seat.party, seat.wake_up is not None) for seat in self._seats)

    async def _run(self) -> None:
        hasher = new_hasher(algorithm_of(self._blob.digest))
        try:
            async with aclosing(self._client.lend_blob(self.repository, self._blob)) as lent:
                async for piece in lent:
                    hasher.update(piece)
                    chunk = HashedChunk(piece)
                    chunk.hasher = hasher.copy()
                    while not self._has_room(len(chunk)):
                        await self._room.wait(self)
                    self._chunks.append(chunk)
                    self._held_bytes += len(chunk)
                    self._room.take(len(chunk))
                    self._wake_all()
        except RegistryError as error:
            self.error = error
            self._absent.clear()
            self._on_drop(self)
        finally:
            self._end()

    def _has_room(self, size: int) -> bool:
        self._trim()
        is_narrow = not self._chunks or self._held_bytes + size <= WINDOW_BYTES
        return is_narrow or self._room.has(size)

    def _end(self) -> None:
        if not self.is_done:
            self.is_done = True
            self._on_end(self)
            self._wake_all()

    def _drop_if_useless(self) -> None:
        if self.is_done and not self._seats and not self._absent:
            self.drop()

    def _trim(self) -> None:
        """Let go of what everybody has, who is here or expected."""
        if self._absent:
            return
        numbers = [seat.number for seat in self._seats]
        if numbers:
            self._release(min(numbers) - self._first_number)

    def _release(self, count: int) -> None:
        size = sum(len(self._chunks.popleft()) for _ in range(count))
        self._first_number += count
        self._held_bytes -= size
        if size:
            self._room.give_back(size)

    def _wake_all(self) -> None:
        for seat in self._seats:
            self._wake(seat)

    @staticmethod
    def _wake(seat: Seat) -> None:
        if seat.wake_up is not None and not seat.wake_up.done():
            seat.wake_up.set_result(None)
        seat.wake_up = None
