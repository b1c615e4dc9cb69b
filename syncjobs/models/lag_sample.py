"""A lag sample: how far a replica was behind at one minute, for the line that pages draw."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models import Replica


class LagSample(models.Model):
    """One sample a minute and replica; `retention` keeps a day of them."""

    replica = models.ForeignKey(
        Replica, on_delete=models.CASCADE, related_name="lag_samples", verbose_name=_("replica")
    )
    sampled_at = models.DateTimeField(_("time"))
    artifacts_behind = models.PositiveIntegerField(_("artifacts behind"), default=0)
    seconds_behind = models.FloatField(_("seconds behind"), default=0)

    class Meta:
        verbose_name = _("lag sample")
        verbose_name_plural = _("lag samples")
        ordering = ("id",)
        indexes = [
            models.Index(fields=["replica", "sampled_at"], name="lag_sample_by_replica"),
            models.Index(fields=["sampled_at"], name="lag_sample_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.seconds_behind:.0f} s"
