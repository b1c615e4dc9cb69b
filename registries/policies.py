"""
WHEN something about instances is possible: editions, regions, dependents.

Each `check_…` raises Refused, whose message is fit for the user; WHO may is `permissions.py`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registries.models import Edition, Instance

RULE_EDITIONS = frozenset({Edition.STANDARD, Edition.PREMIUM})
_UPGRADES = [Edition.BASIC, Edition.STANDARD, Edition.PREMIUM]


class Refused(Exception):
    """The act is not possible now; the message says why. `field` is the form field at fault, if one is."""

    def __init__(self, message: str, *, field: str | None = None) -> None:
        super().__init__(message)
        self.field = field


def check_can_hold_rules(instance: Instance) -> None:
    """Raise Refused unless the instance's edition includes synchronization (standard or premium)."""
    if instance.edition not in RULE_EDITIONS:
        raise Refused(
            _("Instance synchronization needs the standard or premium edition; %(instance)s is basic.")
            % {"instance": instance.name}
        )


def check_can_change_edition(instance: Instance, edition: str) -> None:
    """Raise Refused if the edition would go down; source: reference/tencent-api.md 3.1."""
    if _UPGRADES.index(Edition(edition)) < _UPGRADES.index(Edition(instance.edition)):
        raise Refused(_("The edition of an instance can only be raised."), field="edition")


def check_can_delete(instance: Instance) -> None:
    """Raise Refused, naming what stands in the way: protection, replicas, rules."""
    if instance.is_deletion_protected:
        raise Refused(_("Deletion protection is on. Switch it off first."))
    replica_count = instance.replicas.count()
    if replica_count:
        raise Refused(
            ngettext(
                "The instance has %(count)d replica. Delete it first.",
                "The instance has %(count)d replicas. Delete them first.",
                replica_count,
            )
            % {"count": replica_count}
        )
    own_rules = list(instance.rules.values_list("name", flat=True)[:5])
    if own_rules:
        raise Refused(
            _("Synchronization rules use this instance: %(names)s. Delete them first.")
            % {"names": ", ".join(own_rules)}
        )
    inbound = instance.inbound_rules.filter(source__account=instance.account)
    inbound_names = list(inbound.values_list("name", flat=True)[:5])
    if inbound_names:
        raise Refused(
            _("Synchronization rules copy to this instance: %(names)s. Delete them first.")
            % {"names": ", ".join(inbound_names)}
        )
    if instance.inbound_rules.exists():
        raise Refused(_("A rule of another account copies to this instance. Disable its credential first."))
