"""Looks after the health of the backends: on demand and every minute."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from registries import permissions
from registries.models import Backend, Health, User
from registries.oci.endpoint import Endpoint
from registries.services import connections
from registries.services.connections import ConnectionReport
from registries.vault import VaultError

_CHECK_EVERY = timedelta(seconds=50)
_PARALLEL_CHECKS = 8
_MOST_AT_ONCE = 64


def check(*, backend: Backend, by: User | None, now: datetime) -> Backend:
    """
    Try to sign in to the backend and return it with the health that this tells; takes 20 seconds at most.

    Not for code that runs in an event loop, nor inside a transaction.

    Raises PermissionDenied unless `by` acts for the platform.
    """
    permissions.check_is_platform(by)
    _check_all([backend], now)
    backend.refresh_from_db()
    return backend


def check_due(*, now: datetime) -> int:
    """Check the backends in service that were not checked in this minute, the longest ago first; return how many."""
    is_due = Q(health_checked_at=None) | Q(health_checked_at__lte=now - _CHECK_EVERY)
    due = Backend.objects.filter(is_due, is_active=True).select_related("credential")
    return _check_all(due.order_by("health_checked_at")[:_MOST_AT_ONCE], now)


def record(*, backend: Backend, report: ConnectionReport, now: datetime) -> None:
    """Store what a connection to the backend said, for its hosted instances as well; safe to repeat."""
    detail = "" if report.is_ok else ": ".join(filter(None, [report.code, report.detail]))[:500]
    health = Health.HEALTHY if report.is_ok else Health.UNHEALTHY
    seen = {"last_healthy_at": now} if report.is_ok else {}
    Backend.objects.filter(pk=backend.pk).update(
        health=health, health_detail=detail, health_checked_at=now, **seen
    )
    words = "" if report.is_ok else _("The registry of the region does not answer.")
    backend.instances.update(health=health, health_detail=words, health_checked_at=now)


def _check_all(backends: Iterable[Backend], now: datetime) -> int:
    """Check at most eight at a time; the database is only used by the calling thread."""
    tried: list[tuple[Backend, Endpoint]] = []
    count = 0
    for backend in backends:
        count += 1
        try:
            tried.append((backend, backend.endpoint()))
        except VaultError:
            unreadable = ConnectionReport(code="vault", detail=_("the stored password cannot be opened"))
            record(backend=backend, report=unreadable, now=now)
    with ThreadPoolExecutor(_PARALLEL_CHECKS) as pool:
        reports = pool.map(connections.check, [endpoint for _backend, endpoint in tried])
        for (backend, _endpoint), report in zip(tried, reports, strict=True):
            record(backend=backend, report=report, now=now)
    return count
