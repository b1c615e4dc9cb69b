"""Decides whether and when to try again. Pure: no clock, no sleep, no dice."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from registries.oci.errors import RegistryError, Throttled, TransientError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """
    How often to try quickly. What fails beyond that goes back to the queue of the caller.

    A throttled request counts separately: the limiter does the waiting, and the small delay after it
    keeps all who waited from asking in the same moment.
    """

    attempts: int = 5
    first_delay_seconds: float = 0.25
    max_delay_seconds: float = 8.0
    throttled_attempts: int = 8


def delay_before_retry(
    attempt: int, error: RegistryError, policy: RetryPolicy, jitter: float
) -> float | None:
    """
    Return the seconds to wait after the failed attempt (1 = the first), or None to give up.

    `jitter` is a random number from 0 to 1 that spreads the delay over its second half.
    """
    if isinstance(error, Throttled):
        return policy.first_delay_seconds * jitter if attempt < policy.throttled_attempts else None
    if not isinstance(error, TransientError) or attempt >= policy.attempts:
        return None
    delay = min(policy.max_delay_seconds, policy.first_delay_seconds * 2.0 ** (attempt - 1))
    return delay * (0.5 + 0.5 * jitter)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """
    Return when to come back, in seconds since the epoch, or None if the header says nothing usable.

    Takes seconds and HTTP dates, and knows no upper bound: a registry that asks for six hours means it.

    Source: RFC 9110, 10.2.3.
    """
    if value is None:
        return None
    text = value.strip()
    if text.isascii() and text.replace(".", "", 1).isdigit():
        return now + float(text)
    try:
        return max(now, parsedate_to_datetime(text).timestamp())
    except (ValueError, TypeError, OverflowError):
        return None
