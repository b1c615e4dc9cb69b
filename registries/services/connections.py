"""Opens registry clients under the platform's rules, and tries connections out. It stores nothing."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from django.conf import settings

from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import RegistryError, Stalled
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.retry import RetryPolicy

_CHECK_SECONDS = 20
_CHECK_RETRY = RetryPolicy(attempts=1, throttled_attempts=1)
_CHECK_TIMEOUTS = Timeouts(connect_seconds=8.0, stall_seconds=10.0)


@dataclass(frozen=True, slots=True)
class ConnectionReport:
    """
    What a try said. `code` is that of the error (`registries/oci/errors.py`), "" if all is well.

    `detail` holds the registry's or the network's own words. `is_tls` says that no trusted TLS connection
    could be made, `is_certificate` that the certificate was the reason.
    """

    code: str = ""
    detail: str = ""
    is_tls: bool = False
    is_certificate: bool = False

    @property
    def is_ok(self) -> bool:
        """Whether the registry answered and took the credentials."""
        return not self.code


def guard() -> HostGuard:
    """Return the platform's rules for what may be contacted (`REGATTA_ALLOWED_NETWORKS`)."""
    return HostGuard(allowed_networks=settings.ALLOWED_NETWORKS)


def open_client(
    endpoint: Endpoint,
    *,
    limiter: EndpointLimiter | None = None,
    timeouts: Timeouts | None = None,
    retry: RetryPolicy | None = None,
    writes: bool = False,
) -> RegistryClient:
    """Return a client for the endpoint under the platform's rules; the caller closes it (`async with`)."""
    return RegistryClient(
        endpoint, limiter=limiter, guard=guard(), timeouts=timeouts, retry=retry, writes=writes
    )


def check(endpoint: Endpoint) -> ConnectionReport:
    """
    Try to sign in to the registry and report what happened; takes 20 seconds at most.

    Not for code that runs in an event loop, nor inside a transaction.
    """
    return asyncio.run(_check(endpoint))


async def _check(endpoint: Endpoint) -> ConnectionReport:
    try:
        async with (
            asyncio.timeout(_CHECK_SECONDS),
            open_client(endpoint, timeouts=_CHECK_TIMEOUTS, retry=_CHECK_RETRY) as client,
        ):
            await client.ping()
    except RegistryError as error:
        return _report(error)
    except TimeoutError:
        return ConnectionReport(code=Stalled.code, detail="no answer in time")
    return ConnectionReport()


def _report(error: RegistryError) -> ConnectionReport:
    causes = list(_causes(error))
    return ConnectionReport(
        code=error.code,
        detail=error.detail,
        is_tls=any(isinstance(cause, ssl.SSLError) for cause in causes),
        is_certificate=any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes),
    )


def _causes(error: BaseException) -> list[BaseException]:
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return causes
