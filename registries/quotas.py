"""
How much an instance or an account may hold, by edition (`REGATTA_QUOTAS`).

Services ask inside their transaction, before they create. The row that the things belong to is locked until it
ends, so that two at a time cannot both take the last place.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries.models import Account, Edition, Instance
from registries.policies import Refused


class Quota(models.TextChoices):
    """What of an instance is counted."""

    NAMESPACES = "namespaces", gettext_lazy("namespaces")
    RULES = "rules", gettext_lazy("synchronization rules")
    REPLICAS = "replicas", gettext_lazy("replicas")
    CREDENTIALS = "credentials", gettext_lazy("access credentials")


_COUNTED = {
    Quota.NAMESPACES: "namespaces",
    Quota.RULES: "rules",
    Quota.REPLICAS: "replicas",
    Quota.CREDENTIALS: "access_credentials",
}
_FIELDS = {
    Quota.NAMESPACES: "name",
    Quota.RULES: "name",
    Quota.REPLICAS: "region",
    Quota.CREDENTIALS: "username",
}


class QuotaExceeded(Refused):
    """There is no room for one more; the message names the limit."""


def limit_of(edition: str, noun: str) -> int | None:
    """Return how many of them an edition allows; None means any number."""
    limit: int | None = settings.QUOTAS[edition][noun]
    return limit


def check_room(quota: Quota, instance: Instance) -> None:
    """
    Raise QuotaExceeded if the instance may not hold one more; call it inside a transaction.

    The instance's edition as it is stored decides, so that an upgrade beside this call counts.
    """
    locked = Instance.objects.select_for_update(no_key=True).get(pk=instance.pk)
    limit = limit_of(locked.edition, quota.value)
    if limit is None or getattr(locked, _COUNTED[quota]).count() < limit:
        return
    raise QuotaExceeded(
        _("The quota of %(instance)s is used up: %(things)s, %(limit)d at most (%(edition)s edition).")
        % {
            "instance": locked.name,
            "limit": limit,
            "things": quota.label,
            "edition": locked.get_edition_display(),
        },
        field=_FIELDS[quota],
    )


def check_room_for_instance(account: Account, edition: str) -> None:
    """Raise QuotaExceeded if the account may not have one more instance of the edition; call it as `check_room`."""
    Account.objects.select_for_update(no_key=True).get(pk=account.pk)
    limit = limit_of(edition, "instances")
    if limit is None or account.instances.filter(edition=edition).count() < limit:
        return
    raise QuotaExceeded(
        _("The account's quota is used up: instances of the %(edition)s edition, %(limit)d at most.")
        % {"edition": Edition(edition).label, "limit": limit},
        field="edition",
    )
