"""An instance: one registry as its tenant sees it."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import naming
from registries.models.account import Account, User
from registries.models.backend import Backend
from registries.models.health import Health
from registries.models.region import Region
from registries.oci.endpoint import Endpoint


class Edition(models.TextChoices):
    """Rules need standard or premium, replicas premium; upgrades only go upwards."""

    BASIC = "basic", _("Basic")
    STANDARD = "standard", _("Standard")
    PREMIUM = "premium", _("Premium")


class InstanceKind(models.TextChoices):
    """Connected: any registry with an address of its own. Hosted: a prefix inside a backend."""

    CONNECTED = "connected", _("Connected")
    HOSTED = "hosted", _("Hosted")


class InstanceStatus(models.TextChoices):
    """The vendor's words for the life of an instance."""

    RUNNING = "Running", _("Running")
    DELETING = "Deleting", _("Deleting")


class InstanceQuerySet(models.QuerySet["Instance"]):
    """Instances, narrowed to what somebody may see."""

    def visible_to(self, user: User) -> InstanceQuerySet:
        """
        Keep the instances of the user's own account, whatever the role; for staff, all.

        Exactly those on which `permissions.can` allows to view: nobody who is switched off sees any.
        """
        if not user.is_active:
            return self.none()
        if user.is_staff and user.account_id is None:
            return self
        if user.account is None or not user.account.is_active:
            return self.none()
        return self.filter(account=user.account)


class Instance(models.Model):
    """A registry of an account. Everything below sees only its endpoint, prefix and credential."""

    instance_id = models.CharField(
        _("instance ID"), max_length=12, unique=True, default=naming.new_instance_id
    )
    account = models.ForeignKey(
        Account, on_delete=models.PROTECT, related_name="instances", verbose_name=_("account")
    )
    name = models.CharField(_("name"), max_length=50)
    edition = models.CharField(_("edition"), max_length=10, choices=Edition, default=Edition.STANDARD)
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, related_name="instances", verbose_name=_("region")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=InstanceKind, default=InstanceKind.CONNECTED)
    endpoint_url = models.CharField(_("endpoint"), max_length=255, blank=True)
    backend = models.ForeignKey(
        Backend,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="instances",
        verbose_name=_("backend"),
    )
    prefix = models.CharField(_("path prefix"), max_length=100, blank=True)
    verify_tls = models.BooleanField(_("verify the TLS certificate"), default=True)
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    requests_per_second = models.FloatField(_("requests per second, at most"), null=True, blank=True)
    bandwidth = models.PositiveBigIntegerField(_("bandwidth limit, bytes per second"), null=True, blank=True)
    bandwidth_windows = models.CharField(
        _("bandwidth windows"),
        max_length=255,
        blank=True,
        help_text=_("Other limits at certain hours, such as 08:00-18:00 5MB/s; 22:00-06:00 unlimited."),
    )
    status = models.CharField(
        _("status"), max_length=20, choices=InstanceStatus, default=InstanceStatus.RUNNING
    )
    is_deletion_protected = models.BooleanField(_("deletion protection"), default=False)
    health = models.CharField(_("health"), max_length=10, choices=Health, default=Health.UNKNOWN)
    health_detail = models.CharField(_("health detail"), max_length=500, blank=True)
    health_checked_at = models.DateTimeField(_("health checked"), null=True, blank=True)
    sealed_hook_secret = models.TextField(editable=False, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = InstanceQuerySet.as_manager()

    class Meta:
        verbose_name = _("instance")
        verbose_name_plural = _("instances")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["account", "name"], name="instance_name_unique_in_account"),
            models.UniqueConstraint(
                fields=["backend", "prefix"],
                condition=models.Q(kind="hosted"),
                name="hosted_instance_prefix_unique_in_backend",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="connected", backend__isnull=True) & ~models.Q(endpoint_url="")
                | models.Q(kind="hosted", backend__isnull=False, endpoint_url="") & ~models.Q(prefix=""),
                name="instance_is_connected_or_hosted",
            ),
            models.CheckConstraint(
                condition=models.Q(edition__in=Edition.values), name="instance_edition_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def seal_context(self) -> str:
        """What the instance's own secrets are bound to."""
        return f"{self.account_id}|instance|{self.instance_id}"

    @property
    def address(self) -> str:
        """The address that users push to, without a scheme."""
        if self.backend:
            return self.backend.address(self.prefix)
        return self.endpoint_url.split("://", 1)[-1]

    @property
    def has_hook(self) -> bool:
        """Whether its registry was told how to report pushes: by itself, or for all that its backend holds."""
        return bool(self.sealed_hook_secret or (self.backend and self.backend.sealed_hook_secret))

    @property
    def is_encrypted(self) -> bool:
        """Whether its registry is spoken to over TLS."""
        return (self.backend.endpoint_url if self.backend else self.endpoint_url).startswith("https://")

    def endpoint(self) -> Endpoint:
        """
        Return everything needed to speak to the registry, with its opened credential.

        For workers and connection tests only: the result holds a secret.

        Raises VaultError if the stored credential does not open.
        """
        if self.backend is not None:
            return self.backend.endpoint(self.prefix)
        credential = getattr(self, "credential", None)
        return Endpoint(
            url=self.endpoint_url,
            username=credential.username if credential else None,
            password=credential.open_password() if credential else None,
            verify_tls=self.verify_tls,
            ca_pem=self.ca_pem or None,
        )
