"""Notices when requests begin to queue at a registry: they take much longer than they used to."""

# Of these first answers the mean is what a kind of request takes by its nature.
_FIRST_ANSWERS = 16
_SLOW_FACTOR = 2.0
_WEIGHT_OF_LAST = 0.1
# What is usual rises slowly, or one quiet hour would hold back all later growth.
_FORGETTING = 1.0005


class Latency:
    """How long one kind of request takes now, compared with what is usual for it."""

    __slots__ = ("_count", "_recent", "_usual")

    def __init__(self) -> None:
        self._count = 0
        self._usual = 0.0
        self._recent = 0.0

    @property
    def is_high(self) -> bool:
        """Tell whether requests take at least twice as long as usual."""
        return self._recent > _SLOW_FACTOR * self._usual

    def note(self, seconds: float) -> None:
        """Note the time to the first byte of one answer."""
        if self._count < _FIRST_ANSWERS:
            self._count += 1
            self._usual += (seconds - self._usual) / self._count
            self._recent = self._usual
            return
        self._recent += _WEIGHT_OF_LAST * (seconds - self._recent)
        self._usual = min(self._usual * _FORGETTING, self._recent)
