"""
WHEN something about instances is possible: editions, regions, dependents.

Each `check_…` raises Refused, whose message is fit for the user; WHO may is `permissions.py`.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registries.models import Backend, Edition, Instance, Region, ReplicaStatus

RULE_EDITIONS = frozenset({Edition.STANDARD, Edition.PREMIUM})
REPLICA_EDITIONS = frozenset({Edition.PREMIUM})
MAINLAND, HONGKONG = "cn-mainland", "cn-hongkong"
"""The two jurisdictions between which `REGATTA_MAINLAND_HONGKONG` decides."""

_NAMED = 5
_UPGRADES = [Edition.BASIC, Edition.STANDARD, Edition.PREMIUM]


class Refused(Exception):
    """The act is not possible now; the message says why. `field` is the form field at fault, if one is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


class ReplicaRefused(Refused):
    """
    A replica cannot be created, or not there.

    `code` is the vendor's word for it; source: reference/tencent-api.md 2.5.
    """

    code = "FailedOperation"


class EditionTooLow(ReplicaRefused):
    """Only premium instances are replicated."""

    code = "UnsupportedOperation"


class OwnRegion(ReplicaRefused):
    """The replica would stand in the region of its primary."""


class ReplicaExists(ReplicaRefused):
    """The primary has a replica in the region."""

    code = "InvalidParameter.ReplicationExists"


class UnsupportedRegion(ReplicaRefused):
    """The region lies behind a border, or has no room."""

    code = "InvalidParameter.UnsupportedRegion"


class ReplicaBusy(ReplicaRefused):
    """The replica is being deleted."""

    code = "InternalError.ErrorConflict"


def check_can_hold_rules(instance: Instance) -> None:
    """Raise Refused unless the account is active and the edition includes synchronization."""
    if not instance.account.is_active:
        raise Refused(_("The account is switched off."))
    if instance.edition not in RULE_EDITIONS:
        raise Refused(
            _("Instance synchronization needs the standard or premium edition; %(instance)s is basic.")
            % {"instance": instance.name}
        )


def check_can_hold_replicas(instance: Instance) -> None:
    """Raise Refused unless the account is active and the instance's edition includes replication (premium)."""
    if not instance.account.is_active:
        raise Refused(_("The account is switched off."))
    if instance.edition not in REPLICA_EDITIONS:
        raise EditionTooLow(
            _("Instance replication needs the premium edition; %(instance)s is %(edition)s.")
            % {"instance": instance.name, "edition": instance.get_edition_display()},
            field="primary",
        )


def is_cross_border(one: Region, other: Region) -> bool:
    """
    Return whether content that goes from one region to the other crosses a border.

    Mainland and Hong Kong are what `REGATTA_MAINLAND_HONGKONG` says, in both directions.
    """
    pair = {one.jurisdiction, other.jurisdiction}
    if pair == {MAINLAND, HONGKONG}:
        return not settings.MAINLAND_HONGKONG
    return len(pair) == 2


def check_can_replicate_to(primary: Instance, region: Region) -> None:
    """
    Raise ReplicaRefused if no replica of the instance may stand in the region.

    Source: seed 004, "Replicate to", seed 003, "Cross-border", and reference/tencent-api.md 3.7. Whether the region
    has room is asked by `backends.choose`.
    """
    check_can_hold_replicas(primary)
    if region == primary.region:
        raise OwnRegion(
            _("A replica cannot be in the same region as the primary instance (%(region)s).")
            % {"region": region.name},
            field="region",
        )
    if is_cross_border(primary.region, region):
        raise UnsupportedRegion(
            _(
                "Cross-border instance replication is not supported: %(home)s and %(region)s lie in different "
                "jurisdictions. Use a synchronization rule instead."
            )
            % {"home": primary.region.name, "region": region.name},
            field="region",
        )
    existing = primary.replicas.filter(region=region).first()
    if existing is not None:
        words = (
            _("A replica in the region %(region)s is still being deleted. Try again later.")
            if existing.status == ReplicaStatus.DELETING
            else _("A replica in the region %(region)s already exists.")
        )
        raise ReplicaExists(words % {"region": region.name}, field="region")


def check_can_change_edition(instance: Instance, edition: str) -> None:
    """Raise Refused if the edition would go down; source: reference/tencent-api.md 3.1."""
    if _UPGRADES.index(Edition(edition)) < _UPGRADES.index(Edition(instance.edition)):
        raise Refused(_("The edition of an instance can only be raised."), field="edition")


def check_can_change_region(instance: Instance, region: Region) -> None:
    """Raise Refused if the instance is bound to its region: by its backend, or by replicas of it."""
    if region == instance.region:
        return
    if instance.backend is not None:
        raise Refused(_("The region of a hosted instance cannot be changed."), field="region")
    if instance.replicas.exists():
        raise Refused(
            _("The instance has replicas: its region cannot be changed before they are deleted."),
            field="region",
        )


def check_can_move_backend(backend: Backend, region: Region) -> None:
    """Raise Refused if something lives in the backend and the region is another than its own."""
    if region != backend.region and (backend.instances.exists() or backend.replicas.exists()):
        raise Refused(
            _("Hosted instances or replicas live in this backend: it cannot change its region."),
            field="region",
        )


def check_can_delete(instance: Instance, *, now: datetime) -> None:
    """Raise Refused, naming all of `list_obstacles`."""
    obstacles = list_obstacles(instance, now=now)
    if obstacles:
        raise Refused(" ".join(obstacles))


def list_obstacles(instance: Instance, *, now: datetime) -> list[str]:
    """
    Return what stands in the way of deleting the instance, one sentence for each kind; empty if nothing does.

    Protection, replicas, rules from and to it, namespaces. A rule of another account only does while its credential
    would open the instance; such rules are counted and never named.
    """
    found = [_("Deletion protection is on. Switch it off first.")] if instance.is_deletion_protected else []
    found += _list_replicas_in_the_way(instance)
    own = _list_names(instance.rules)
    if own:
        found.append(
            _("Synchronization rules use this instance: %(names)s. Delete them first.") % {"names": own}
        )
    inbound = _list_names(instance.inbound_rules.filter(is_cross_tenant=False))
    if inbound:
        found.append(
            _("Synchronization rules copy to this instance: %(names)s. Delete them first.")
            % {"names": inbound}
        )
    live = instance.access_credentials.filter(Q(expires_at=None) | Q(expires_at__gt=now), is_enabled=True)
    foreign = instance.inbound_rules.filter(
        is_cross_tenant=True, target_token_id__in=live.values("token_id")
    ).count()
    if foreign:
        found.append(
            ngettext(
                "%(count)d rule of another account copies to this instance. Disable its credential first.",
                "%(count)d rules of other accounts copy to this instance. Disable their credentials first.",
                foreign,
            )
            % {"count": foreign}
        )
    namespaces = _list_names(instance.namespaces)
    if namespaces:
        found.append(_("The instance has namespaces: %(names)s. Delete them first.") % {"names": namespaces})
    return found


def _list_names(found: Any) -> str:
    """Return the names of a few objects, and how many more there are; empty if there is none."""
    names = list(found.values_list("name", flat=True))
    text = ", ".join(names[:_NAMED])
    if len(names) <= _NAMED:
        return text
    return _("%(names)s and %(count)d more") % {"names": text, "count": len(names) - _NAMED}


def _list_replicas_in_the_way(instance: Instance) -> list[str]:
    replicas = list(instance.replicas.select_related("region"))
    leaving = [replica.region.name for replica in replicas if replica.status == ReplicaStatus.DELETING]
    staying = [replica.region.name for replica in replicas if replica.status != ReplicaStatus.DELETING]
    found = []
    if staying:
        found.append(
            ngettext(
                "The instance has %(count)d replica (%(regions)s). Delete it first.",
                "The instance has %(count)d replicas (%(regions)s). Delete them first.",
                len(staying),
            )
            % {"count": len(staying), "regions": ", ".join(staying)}
        )
    if leaving:
        found.append(
            _("Replicas of the instance are still being deleted (%(regions)s). Try again later.")
            % {"regions": ", ".join(leaving)}
        )
    return found
