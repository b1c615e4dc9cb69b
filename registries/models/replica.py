"""A replica: a read-only full copy of a premium instance in another region."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.backend import Backend
from registries.models.instance import Instance
from registries.models.region import Region
from registries.oci.endpoint import Endpoint


class ReplicaStatus(models.TextChoices):
    """The vendor's words for the life of a replica."""

    DEPLOYING = "Deploying", _("Deploying")
    RUNNING = "Running", _("Running")
    DELETING = "Deleting", _("Deleting")


class Replica(models.Model):
    """One copy of a primary, in a backend of another region, under a prefix of its own."""

    replica_id = models.CharField(_("replica ID"), max_length=40, unique=True)
    primary = models.ForeignKey(
        Instance, on_delete=models.PROTECT, related_name="replicas", verbose_name=_("primary instance")
    )
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, related_name="replicas", verbose_name=_("replicate to")
    )
    backend = models.ForeignKey(
        Backend, on_delete=models.PROTECT, related_name="replicas", verbose_name=_("backend")
    )
    prefix = models.CharField(_("path prefix"), max_length=100)
    status = models.CharField(
        _("status"), max_length=20, choices=ReplicaStatus, default=ReplicaStatus.DEPLOYING
    )
    running_since = models.DateTimeField(
        _("running since"),
        null=True,
        blank=True,
        help_text=_("When everything had arrived for the first time."),
    )
    sweep_interval_seconds = models.PositiveIntegerField(
        _("sweep interval, seconds"),
        default=3600,
        help_text=_("How often everything is compared, to find what events missed. 0: never."),
    )
    next_sweep_at = models.DateTimeField(_("next sweep"), null=True, blank=True, db_index=True)
    next_drift_check_at = models.DateTimeField(_("next drift check"), null=True, blank=True, db_index=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("replica")
        verbose_name_plural = _("replicas")
        ordering = ("primary", "region")
        constraints = [
            models.UniqueConstraint(fields=["primary", "region"], name="one_replica_per_region"),
            models.UniqueConstraint(fields=["backend", "prefix"], name="replica_prefix_unique_in_backend"),
        ]

    def __str__(self) -> str:
        return self.replica_id

    @property
    def address(self) -> str:
        """The address, without a scheme, that users in its region pull from."""
        return self.backend.address(self.prefix)

    def endpoint(self) -> Endpoint:
        """
        Return everything needed to speak to the replica's part of its backend, with the opened credential.

        Raises VaultError if the stored credential does not open.
        """
        return self.backend.endpoint(self.prefix)
