"""The region and instance selectors on top of the Synchronization page; source: seeds 000 and 001."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.http import Http404

from console.shared.access import Request
from registries.models import Instance, Region

_SESSION_KEY = "instance"


@dataclass(frozen=True, slots=True)
class InstanceChoice:
    """
    What can be chosen, and what is.

    `region` None means all regions; `instances` are those of the region; `instance` is None only if there
    are none.
    """

    regions: Sequence[Region]
    region: Region | None
    instances: Sequence[Instance]
    instance: Instance | None


def choose(request: Request) -> InstanceChoice:
    """
    Return the choice that the URL names (`region`, `instance`), else the last one of this session.

    Raises Http404 for an instance or a region in which the user sees nothing.
    """
    visible = list(
        Instance.objects.visible_to(request.user).select_related("region", "account").order_by("name")
    )
    regions = sorted({instance.region for instance in visible}, key=lambda region: region.numeric_id)
    region = _named_region(request, regions)
    instances = [instance for instance in visible if region is None or instance.region_id == region.pk]
    return InstanceChoice(regions, region, instances, _named_instance(request, visible, instances))


def _named_region(request: Request, regions: Sequence[Region]) -> Region | None:
    code = request.GET.get("region", "")
    if not code:
        return None
    for region in regions:
        if region.code == code:
            return region
    raise Http404


def _named_instance(
    request: Request, visible: Sequence[Instance], instances: Sequence[Instance]
) -> Instance | None:
    named = request.GET.get("instance", "")
    if named and named not in {instance.instance_id for instance in visible}:
        raise Http404
    remembered: str = request.session.get(_SESSION_KEY, "")
    by_id = {instance.instance_id: instance for instance in instances}
    chosen = by_id.get(named) or by_id.get(remembered) or next(iter(instances), None)
    if chosen and named == chosen.instance_id != remembered:
        request.session[_SESSION_KEY] = chosen.instance_id
    return chosen
