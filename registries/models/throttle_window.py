"""How much of a limit has been used, over all processes."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ThrottleWindow(models.Model):
    """The present window of one limit for one caller; `number` counts windows since 1970."""

    name = models.CharField(_("limit and caller"), max_length=120, unique=True)
    number = models.BigIntegerField(_("window"))
    used_count = models.PositiveIntegerField(_("used"), default=0)
    updated_at = models.DateTimeField(_("updated"), db_index=True)

    class Meta:
        verbose_name = _("throttle window")
        verbose_name_plural = _("throttle windows")
        ordering = ("-updated_at",)

    def __str__(self) -> str:
        return self.name
