"""A worker process, as its heartbeat shows it."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Worker(models.Model):
    """A supervisor, or one drain of one worker process; an old heartbeat means that it is gone."""

    name = models.CharField(_("name"), max_length=128, unique=True)
    token = models.CharField(max_length=32)
    is_supervisor = models.BooleanField(_("supervisor"), default=False)
    started_at = models.DateTimeField(_("started"))
    heartbeat_at = models.DateTimeField(_("last heartbeat"), db_index=True)
    job_count = models.PositiveIntegerField(_("jobs in hand"), default=0)
    endpoints = models.JSONField(_("endpoints"), default=list)

    class Meta:
        verbose_name = _("worker")
        verbose_name_plural = _("workers")
        ordering = ("name",)

    def __str__(self) -> str:
        return self.name
