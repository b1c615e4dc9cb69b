"""A drift report: how far a replica was from its primary when somebody looked."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models import Replica
from syncjobs.models.execution import Execution

MOST_LINES = 50


class DriftReport(models.Model):
    """
    The result of one full comparison of digests.

    `lines` are the first differences, each `{"repository", "tag", "difference"}` with one of the words
    `missing`, `different`, `surplus`; the others are outcomes of the execution.
    """

    replica = models.ForeignKey(
        Replica, on_delete=models.CASCADE, related_name="drift_reports", verbose_name=_("replica")
    )
    execution = models.OneToOneField(
        Execution, on_delete=models.SET_NULL, null=True, related_name="drift_report", verbose_name=_("task")
    )
    checked_at = models.DateTimeField(_("checked"))
    is_complete = models.BooleanField(
        _("complete"), default=True, help_text=_("Off if some repositories could not be compared.")
    )
    compared_count = models.PositiveIntegerField(_("tags compared"), default=0)
    missing_count = models.PositiveIntegerField(_("missing"), default=0)
    different_count = models.PositiveIntegerField(_("different"), default=0)
    surplus_count = models.PositiveIntegerField(_("surplus"), default=0)
    lines = models.JSONField(_("first differences"), default=list)

    class Meta:
        verbose_name = _("drift report")
        verbose_name_plural = _("drift reports")
        ordering = ("-id",)
        indexes = [models.Index(fields=["replica", "-id"], name="drift_report_by_replica")]

    def __str__(self) -> str:
        return f"{self.replica_id}: {self.difference_count}"

    @property
    def difference_count(self) -> int:
        """How many tags were not as at the primary."""
        return self.missing_count + self.different_count + self.surplus_count
