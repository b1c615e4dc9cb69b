"""For how long those who read a blob together wait for the slowest of them."""

from collections.abc import Hashable
from time import monotonic

Party = Hashable
"""Who reads: one target, whatever it reads from the source."""

MOST_SECONDS = 3.0
ALONE_SECONDS = 30.0


class Patience:
    """
    What is left for each party of the time for which others wait for it.

    Everybody begins with three seconds. One is lost in each second in which others wait for the party, and one comes
    back in each other second: so whoever is the slowest now and then is waited for, whoever halves the speed of the
    others for long is not. A party without any is on its own for half a minute.
    """

    def __init__(self) -> None:
        self._left: dict[Party, tuple[float, float]] = {}
        self._alone_until: dict[Party, float] = {}
        self._awaited: Party | None = None

    def wait_for(self, party: Party | None) -> None:
        """Let the time of this party run out from now on, and of no other; None: nobody's."""
        if party == self._awaited:
            return
        now = monotonic()
        for one in (self._awaited, party):
            if one is not None:
                self._left[one] = (self.left(one), now)
        self._awaited = party

    def left(self, party: Party) -> float:
        """Return for how many seconds the party is still waited for."""
        now = monotonic()
        seconds, since = self._left.get(party, (MOST_SECONDS, now))
        if party == self._awaited:
            return seconds - (now - since)
        return min(MOST_SECONDS, seconds + now - since)

    def give_up(self, party: Party) -> None:
        """Leave the party on its own for a while."""
        self.wait_for(None)
        self._alone_until[party] = monotonic() + ALONE_SECONDS

    def is_alone(self, party: Party) -> bool:
        """Tell whether the party is on its own."""
        return monotonic() < self._alone_until.get(party, 0.0)
