"""Opens registry clients under the platform's rules, and tries connections out, at once or step by step."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import permissions
from registries.models import Health, Instance, Permission, User
from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import RegistryError, Stalled
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.limits import EndpointLimiter
from registries.oci.retry import RetryPolicy
from registries.services import instances
from registries.services.connection_steps import Probe, StepFailed, StepSkipped
from registries.vault import VaultError

_CHECK_SECONDS = 20
_STEP_SECONDS = 12
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


class StepStatus(StrEnum):
    """What became of a step."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


STEPS: dict[str, str | Promise] = {
    "address": gettext_lazy("Address"),
    "connection": gettext_lazy("Connection"),
    "challenge": gettext_lazy("Sign-in method"),
    "login": gettext_lazy("Sign-in"),
    "catalogue": gettext_lazy("Catalogue"),
    "push": gettext_lazy("Right to push"),
}
"""The steps in their order. Each needs those before it, except that pushing does without the catalogue."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a test: `name` is a key of STEPS, `words` are fit for the user and hold no secret."""

    name: str
    status: StepStatus
    words: str
    milliseconds: int = 0

    @property
    def label(self) -> str:
        """The name in words."""
        return str(STEPS[self.name])

    def as_json(self) -> dict[str, Any]:
        """Return the step as programs get it."""
        return {
            "name": self.name,
            "status": self.status.value,
            "words": self.words,
            "milliseconds": self.milliseconds,
        }


@dataclass(frozen=True, slots=True)
class ConnectionTest:
    """The steps of a test, in their order."""

    steps: tuple[Step, ...]

    @property
    def failed(self) -> Step | None:
        """The first step that failed, None if none did."""
        return next((step for step in self.steps if step.status is StepStatus.FAILED), None)


def test(*, instance: Instance, by: User | None, now: datetime) -> ConnectionTest:
    """
    Test the stored connection step by step, and store what that says of the instance's health.

    Takes a minute at worst. The step that tries to push opens an upload and cancels it. Not for code that runs in
    an event loop, nor inside a transaction.

    Raises PermissionDenied unless `by` may manage the instance.
    """
    permissions.check(by, Permission.MANAGE, instance)
    try:
        probe = Probe(instance.endpoint(), guard(), for_platform=permissions.is_platform(by))
    except VaultError:
        words = _("A stored secret cannot be opened; its key is missing from the key ring.")
        report = ConnectionTest((Step("login", StepStatus.FAILED, words),))
    else:
        report = asyncio.run(_run_steps(probe))
    failed = report.failed
    # A registry that lets itself be read but not written is a healthy source.
    is_healthy = failed is None or failed.name == "push"
    instances.record_health(
        instance=instance,
        health=Health.HEALTHY if is_healthy else Health.UNHEALTHY,
        detail="" if is_healthy or failed is None else failed.words,
        now=now,
    )
    return report


async def _run_steps(probe: Probe) -> ConnectionTest:
    steps: list[Step] = []
    is_cut = False
    for name in STEPS:
        if is_cut:
            steps.append(Step(name, StepStatus.SKIPPED, _("Not tried, because an earlier step failed.")))
            continue
        step = await _run_step(name, getattr(probe, name), probe)
        steps.append(step)
        is_cut = step.status is StepStatus.FAILED and name != "catalogue"
    return ConnectionTest(tuple(steps))


async def _run_step(name: str, act: Callable[[], Awaitable[str]], probe: Probe) -> Step:
    began_at = time.monotonic()
    status = StepStatus.FAILED
    try:
        async with asyncio.timeout(_STEP_SECONDS):
            words = await act()
        status = StepStatus.OK
    except StepSkipped as skipped:
        status, words = StepStatus.SKIPPED, str(skipped)
    except StepFailed as failed:
        words = str(failed)
    except RegistryError as error:
        words = probe.words_of(error)
    except TimeoutError:
        words = _("No answer in time.")
    return Step(name, status, words, round((time.monotonic() - began_at) * 1000))


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
