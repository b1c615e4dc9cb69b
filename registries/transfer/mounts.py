"""Learns whether a target mounts blobs across its repositories, since some decline always and some at first."""

_DECLINES_ENOUGH = 3
_TRY_AGAIN_EVERY = 8


class MountRecord:
    """
    How one target answered to the wish to mount a blob that another of its repositories has.

    A declined mount is no loss by itself: its session takes the upload. What is lost is the HEAD that would
    have found the blob in place, and the time spent waiting for somebody else's upload. A registry that
    mounts only what a manifest refers to declines soon after an upload and not later, so the two are
    counted apart, and mounting is tried again from time to time.
    """

    def __init__(self) -> None:
        self._taken = 0
        self._declined = 0
        self._taken_after_waiting = 0
        self._declined_after_waiting = 0
        self._skipped = 0

    @property
    def is_worth_waiting(self) -> bool:
        """Tell whether waiting for another's upload is likely to end in a mount."""
        return self._taken_after_waiting > 0 or self._declined_after_waiting < _DECLINES_ENOUGH

    @property
    def has_worked(self) -> bool:
        """Tell whether the target ever mounted a blob."""
        return self._taken + self._taken_after_waiting > 0

    def should_try(self) -> bool:
        """Decide about one mount; a target that always declined is tried at every eighth question."""
        if self.has_worked or self._declined < _DECLINES_ENOUGH:
            return True
        self._skipped = (self._skipped + 1) % _TRY_AGAIN_EVERY
        return self._skipped == 0

    def note(self, *, is_taken: bool, has_waited: bool) -> None:
        """Remember the answer; `has_waited` tells that the blob had been sent just before."""
        if has_waited:
            self._taken_after_waiting += is_taken
            self._declined_after_waiting += not is_taken
        else:
            self._taken += is_taken
            self._declined += not is_taken
