"""An outcome: what became of one tag."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from syncjobs.models.execution import Execution
from syncjobs.models.job import Job


class OutcomeStatus(models.TextChoices):
    """Tags that were up to date are counted, not stored."""

    COPIED = "copied", _("Copied")
    SKIPPED = "skipped", _("Skipped")
    FAILED = "failed", _("Failed")
    DELETED = "deleted", _("Deleted")


class Outcome(models.Model):
    """One row for each tag that changed, was skipped, or failed; a later attempt replaces its row."""

    execution = models.ForeignKey(
        Execution, on_delete=models.CASCADE, related_name="outcomes", verbose_name=_("execution")
    )
    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="outcomes", verbose_name=_("job"))
    tag = models.CharField(_("tag"), max_length=255)
    status = models.CharField(_("status"), max_length=10, choices=OutcomeStatus)
    artifact_type = models.CharField(_("type"), max_length=10, blank=True)
    digest = models.CharField(_("digest"), max_length=160, blank=True)
    bytes_copied = models.PositiveBigIntegerField(_("bytes"), default=0)
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    reason_side = models.CharField(_("side"), max_length=6, blank=True)
    reason_detail = models.CharField(_("reason detail"), max_length=500, blank=True)
    is_retryable = models.BooleanField(_("can be retried"), default=False)
    happened_at = models.DateTimeField(_("time"))

    class Meta:
        verbose_name = _("outcome")
        verbose_name_plural = _("outcomes")
        ordering = ("id",)
        indexes = [
            models.Index(fields=["execution", "status", "id"], name="outcome_by_execution"),
            models.Index(fields=["digest"], name="outcome_by_digest", condition=models.Q(status="copied")),
        ]
        constraints = [models.UniqueConstraint(fields=["job", "tag"], name="one_outcome_per_tag")]

    def __str__(self) -> str:
        return f"{self.tag}: {self.status}"
