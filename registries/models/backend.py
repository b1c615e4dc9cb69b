"""A backend: a real registry that an operator attaches to a region."""

from __future__ import annotations

from typing import cast

from django.db import models
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from registries.models.health import Health
from registries.models.region import Region
from registries.oci.endpoint import Endpoint


class BackendQuerySet(models.QuerySet["Backend"]):
    """Backends, counted and narrowed to those that may take something new."""

    def with_tenants(self) -> BackendQuerySet:
        """Annotate `instance_count`, `replica_count` and `tenant_count`, which is both."""
        return self.annotate(instance_count=_count("instances"), replica_count=_count("replicas")).annotate(
            tenant_count=models.F("instance_count") + models.F("replica_count")
        )

    def with_room(self) -> BackendQuerySet:
        """Keep those in service that are not known to be ill and not full, the emptiest first."""
        usable = self.with_tenants().filter(is_active=True).exclude(health=Health.UNHEALTHY)
        tenants = models.F("tenant_count")
        return usable.exclude(capacity__lte=tenants).order_by("tenant_count", "code")  # type: ignore[misc]  # annotated


class Backend(models.Model):
    """Hosted instances and replicas live in a backend under a path prefix; tenants never see it."""

    code = models.SlugField(_("code"), max_length=63, unique=True)
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, related_name="backends", verbose_name=_("region")
    )
    endpoint_url = models.CharField(_("endpoint"), max_length=255)
    verify_tls = models.BooleanField(_("verify the TLS certificate"), default=True)
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    capacity = models.PositiveIntegerField(
        _("capacity"),
        null=True,
        blank=True,
        help_text=_("How many hosted instances and replicas it takes. Empty: any number."),
    )
    is_active = models.BooleanField(_("active"), default=True)
    health = models.CharField(
        _("health"), max_length=10, choices=Health, default=Health.UNKNOWN, editable=False
    )
    health_detail = models.CharField(_("health detail"), max_length=500, blank=True, editable=False)
    health_checked_at = models.DateTimeField(_("health checked"), null=True, editable=False)
    last_healthy_at = models.DateTimeField(_("last healthy"), null=True, editable=False)
    sealed_hook_secret = models.TextField(editable=False, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    objects = BackendQuerySet.as_manager()

    class Meta:
        verbose_name = _("backend")
        verbose_name_plural = _("backends")
        ordering = ("region", "code")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(health__in=Health.values), name="backend_health_is_known"
            ),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def seal_context(self) -> str:
        """What the backend's own secrets are bound to."""
        return f"platform|backend|{self.pk}"

    def address(self, prefix: str) -> str:
        """Return the address, without a scheme, of what lives under the prefix."""
        return f"{self.endpoint_url.split('://', 1)[-1]}/{prefix}"

    def endpoint(self, prefix: str = "") -> Endpoint:
        """
        Return everything needed to speak to the registry, or to what lives in it under the prefix.

        For workers and connection tests only: the result holds a secret.

        Raises VaultError if the stored credential does not open.
        """
        credential = getattr(self, "credential", None)
        return Endpoint(
            url=self.endpoint_url,
            prefix=prefix,
            username=credential.username if credential else None,
            password=credential.open_password() if credential else None,
            verify_tls=self.verify_tls,
            ca_pem=self.ca_pem or None,
            is_private=bool(prefix),
        )


def _count(relation: str) -> Coalesce:
    """Return a subquery that counts the rows of a relation: two joins would multiply each other."""
    model = cast("type[models.Model]", Backend._meta.get_field(relation).related_model)
    rows = model._default_manager.filter(backend=models.OuterRef("pk")).order_by().values("backend")
    return Coalesce(
        models.Subquery(rows.annotate(found=models.Count("pk")).values("found")),
        0,
        output_field=models.IntegerField(),
    )
