"""Chooses the backend in which something new will live."""

from __future__ import annotations

from django.utils.translation import gettext as _

from registries.models import Backend, Region
from registries.policies import UnsupportedRegion


def choose(region: Region) -> Backend:
    """
    Return the emptiest backend of the region that is in service, not ill and not full.

    One that was never checked counts as well: the first check is a minute away at most. Call it inside a
    transaction; the region's backends are locked until it ends, so that two at a time cannot both take the last
    place.

    Raises UnsupportedRegion if there is none.
    """
    in_region = Backend.objects.filter(region=region).order_by("pk")
    list(in_region.select_for_update(no_key=True).values_list("pk", flat=True))
    return check_has_room(region)


def check_has_room(region: Region) -> Backend:
    """Return the backend that `choose` would return now, or raise UnsupportedRegion; locks nothing."""
    backend = Backend.objects.filter(region=region).with_room().first()
    if backend is None:
        raise UnsupportedRegion(
            _("The region %(region)s has no room for it now. Choose another region, or try again later.")
            % {"region": region.name},
            field="region",
        )
    return backend


def list_regions_with_room() -> set[int]:
    """Return the ids of the regions in which something new would find a backend."""
    return set(Backend.objects.with_room().order_by().values_list("region_id", flat=True))
