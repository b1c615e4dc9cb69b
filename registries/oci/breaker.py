"""Stops asking a registry that keeps refusing the same credentials."""

import time
from collections.abc import Callable

from registries.oci.errors import Unauthorized


class CredentialsBreaker:
    """
    Opens after refusals in many different scopes without a success between them.

    Wrong credentials need `threshold` scopes. Missing rights (403) need `forbidden_threshold`: an
    account that may not see some repositories is still good for the others. While open, every
    request with these credentials fails at once as Unauthorized instead of producing ten thousand
    failures, or locking the account. Closes by itself after `open_seconds`; the next refusal then
    opens it again.
    """

    def __init__(
        self,
        *,
        threshold: int = 5,
        forbidden_threshold: int = 25,
        open_seconds: float = 60.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._threshold = threshold
        self._forbidden_threshold = forbidden_threshold
        self._open_seconds = open_seconds
        self._clock = clock
        self._refused: set[str] = set()
        self._forbidden: set[str] = set()
        self._open_until = 0.0
        self._detail = ""

    @property
    def is_open(self) -> bool:
        """Tell whether requests fail at once."""
        return bool(self._open_until) and self._clock() < self._open_until

    def check(self) -> None:
        """Raise Unauthorized while the breaker is open."""
        if self._open_until and self._clock() < self._open_until:
            raise Unauthorized(f"not asked again, the registry keeps refusing: {self._detail}", status=401)

    def accepted(self) -> None:
        """Note that the registry took the credentials."""
        if self._refused or self._forbidden:
            self._refused.clear()
            self._forbidden.clear()
            self._open_until = 0.0

    def refused(self, scope: str, detail: str) -> None:
        """Note that the registry refused the credentials, which happened in this scope."""
        self._refused.add(scope)
        if len(self._refused) >= self._threshold:
            self._open(detail)

    def forbidden(self, scope: str, detail: str) -> None:
        """Note that the registry knows the credentials but does not allow the scope."""
        self._forbidden.add(scope)
        if len(self._forbidden) >= self._forbidden_threshold:
            self._open(detail)

    def _open(self, detail: str) -> None:
        self._open_until = self._clock() + self._open_seconds
        self._detail = detail
