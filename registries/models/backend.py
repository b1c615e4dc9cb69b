"""A backend: a real registry that an operator attaches to a region."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.region import Region


class Backend(models.Model):
    """Hosted instances and replicas live in a backend under a path prefix; tenants never see it."""

    code = models.SlugField(_("code"), max_length=63, unique=True)
    region = models.ForeignKey(
        Region, on_delete=models.PROTECT, related_name="backends", verbose_name=_("region")
    )
    endpoint_url = models.CharField(_("endpoint"), max_length=255)
    verify_tls = models.BooleanField(_("verify the TLS certificate"), default=True)
    ca_pem = models.TextField(_("CA certificate (PEM)"), blank=True)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("backend")
        verbose_name_plural = _("backends")
        ordering = ("region", "code")

    def __str__(self) -> str:
        return self.code
