"""A region: where registries stand, and under whose law."""

from django.db import models
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _


class Region(models.Model):
    """The vendor's regions, loaded by migration; operators may add their own and edit jurisdictions."""

    code = models.CharField(_("code"), max_length=40, unique=True)
    numeric_id = models.PositiveIntegerField(_("numeric ID"), unique=True)
    name_en = models.CharField(_("English name"), max_length=80)
    name_zh = models.CharField(_("Chinese name"), max_length=80)
    jurisdiction = models.CharField(
        _("jurisdiction"),
        max_length=40,
        help_text=_("Replication between regions of different jurisdictions is cross-border and refused."),
    )

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ("numeric_id",)

    def __str__(self) -> str:
        return self.code

    @property
    def name(self) -> str:
        """The region's name in the language of the current request."""
        return self.name_zh if (get_language() or "").startswith("zh") else self.name_en
