"""Chooses the backend of something new, and looks after the health of all of them."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.translation import gettext as _

from registries import permissions
from registries.models import Backend, Health, Region, User
from registries.oci.endpoint import Endpoint
from registries.policies import UnsupportedRegion
from registries.services import connections
from registries.services.connections import ConnectionReport
from registries.vault import VaultError

_CHECK_EVERY = timedelta(seconds=50)
_PARALLEL_CHECKS = 8
_MOST_AT_ONCE = 64


def choose(region: Region) -> Backend:
    """
    Return the emptiest backend of the region that is in service, not ill and not full.

    One that was never checked counts as well: the first check is a minute away at most. Call it inside a
    transaction; the region's backends are locked until it ends, so that two at a time cannot both take the last
    place.

    Raises UnsupportedRegion if there is none.
    """
    in_region = Backend.objects.filter(region=region)
    list(in_region.select_for_update(no_key=True).order_by("pk").values_list("pk", flat=True))
    backend = in_region.with_room().first()
    if backend is None:
        raise UnsupportedRegion(_no_room(region), field="region")
    return backend


def list_regions_with_room() -> set[int]:
    """Return the ids of the regions in which something new would find a backend."""
    return set(Backend.objects.with_room().order_by().values_list("region_id", flat=True))


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


def record_health(*, backend: Backend, report: ConnectionReport, now: datetime) -> None:
    """Store what a connection said; safe to repeat."""
    health = {"health": Health.HEALTHY, "last_healthy_at": now, "health_detail": ""}
    if not report.is_ok:
        words = ": ".join(filter(None, [report.code, report.detail]))
        health = {"health": Health.UNHEALTHY, "health_detail": words[:500]}
    Backend.objects.filter(pk=backend.pk).update(**health, health_checked_at=now)


def _check_all(backends: Iterable[Backend], now: datetime) -> int:
    """Check at most eight at a time; the database is only used by the calling thread."""
    endpoints: list[tuple[Backend, Endpoint]] = []
    count = 0
    for backend in backends:
        count += 1
        try:
            endpoints.append((backend, backend.endpoint()))
        except VaultError:
            unreadable = ConnectionReport(code="vault", detail=_("the stored password cannot be opened"))
            record_health(backend=backend, report=unreadable, now=now)
    with ThreadPoolExecutor(_PARALLEL_CHECKS) as pool:
        reports = pool.map(connections.check, [endpoint for _backend, endpoint in endpoints])
        for (backend, _endpoint), report in zip(endpoints, reports, strict=True):
            record_health(backend=backend, report=report, now=now)
    return count


def _no_room(region: Region) -> str:
    return _("The region %(region)s has no room for it now. Choose another region, or try again later.") % {
        "region": region.name
    }
