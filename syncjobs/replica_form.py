"""The form of a replica: the single gate for pages, REST and files; source: seed 004, "Create Replica Instance"."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext_lazy

from registries import policies
from registries.forms.acting import ActingForm
from registries.forms.fields import RegionChoiceField
from registries.models import Instance, Region, Replica, User
from registries.services import backends
from syncjobs.services import deployments


class ReplicaForm(ActingForm):
    """
    Creates a replica of the primary. What exists is not changed: `instance` is then only returned by `save`.

    The choices of a page are the regions in which a replica may stand; any other is refused with the reason.
    """

    region = RegionChoiceField(
        label=gettext_lazy("Replicate to"),
        error_messages={"required": gettext_lazy("Choose the region to replicate to.")},
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        primary: Instance,
        by: User | None,
        instance: Replica | None = None,
    ) -> None:
        super().__init__(data, by=by)
        self.primary = primary
        self.instance = instance

    def offer_possible_regions(self) -> None:
        """Offer only the regions in which a replica may stand; what is posted is checked as before."""
        field = cast(RegionChoiceField, self.fields["region"])
        possible = list_possible_regions(self.primary)
        field.choices = [
            ("", field.empty_label or ""),
            *((region.code, field.label_from_instance(region)) for region in possible),
        ]

    def clean_region(self) -> Region:
        """Check that a replica of the primary may stand there."""
        region: Region = self.cleaned_data["region"]
        if self.instance is not None:
            return region
        try:
            policies.check_can_replicate_to(self.primary, region)
        except policies.Refused as refused:
            if refused.field == "region":
                raise ValidationError(str(refused)) from None
        return region

    def clean(self) -> dict[str, Any]:
        """Check that the primary may have replicas at all."""
        values: dict[str, Any] = super().clean() or {}
        if self.instance is None:
            try:
                policies.check_can_hold_replicas(self.primary)
            except policies.Refused as refused:
                self.add_error(None, str(refused))
        return values

    def save(self, now: datetime) -> Replica:
        """
        Create the replica of a valid form and open its back-fill.

        Raises PermissionDenied, and Refused with the field at fault.
        """
        if self.instance is not None:
            return self.instance
        return deployments.deploy(
            primary=self.primary, region=self.cleaned_data["region"], by=self.by, now=now
        )


def list_possible_regions(primary: Instance) -> list[Region]:
    """Return the regions in which a replica of the instance may stand and would find room."""
    taken = primary.replicas.values("region")
    regions = Region.objects.filter(pk__in=backends.list_regions_with_room())
    others = regions.exclude(Q(pk=primary.region_id) | Q(pk__in=taken))
    return [region for region in others if not policies.is_cross_border(primary.region, region)]
