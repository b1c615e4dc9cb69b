"""A job: one repository inside an execution, and the lease of the worker that has it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models import Account
from syncjobs import states
from syncjobs.models.execution import STATUS_CHOICES, Execution
from syncjobs.states import Status

WAITING = models.Q(status=Status.PENDING, attempt__gt=0) & ~models.Q(reason="")
"""Jobs that failed, and will be tried again at their `not_before`."""


class JobKind(models.TextChoices):
    """Discovery lists the source and opens the other jobs (docs/adr/0004)."""

    DISCOVER = "discover", _("Find repositories")
    COPY = "copy", _("Copy")


class Queue(models.TextChoices):
    """Interactive work does not wait behind bulk work."""

    INTERACTIVE = "interactive", _("Interactive")
    BULK = "bulk", _("Bulk")


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, as a worker claims and keeps them."""

    def due(self, now: datetime) -> JobQuerySet:
        """Keep what a worker may claim: pending and due, or running under an expired lease."""
        return self.filter(
            models.Q(status=Status.PENDING, not_before__lte=now)
            | models.Q(status=Status.RUNNING, lease_until__lt=now)
        )

    def leased(self, token: str) -> JobQuerySet:
        """Keep the jobs that the holder of this lease token may still write to."""
        return self.filter(status=Status.RUNNING, lease_token=token)

    def untried(self) -> JobQuerySet:
        """
        Keep those that failed before every one of their tags was tried.

        What was never begun is none of them: the repository's name is one that cannot be.
        """
        return self.filter(status=Status.FAILED, attempt__gt=0, retry_tags__isnull=True)

    def move(self, to: Status, **changes: Any) -> int:
        """Compare-and-set: move those that may go to `to`, with the changes; return how many did."""
        allowed = states.sources_of(states.JOB_TRANSITIONS, to)
        return self.filter(status__in=allowed).update(status=to.value, **changes)


class Job(models.Model):
    """
    What a worker claims. `attempt` rises before the work starts, so that a killer of workers is counted.

    The counts are those of finished attempts; `progress` is the running attempt's, written once a second.
    """

    execution = models.ForeignKey(
        Execution, on_delete=models.CASCADE, related_name="jobs", verbose_name=_("execution")
    )
    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="+", verbose_name=_("account")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=JobKind, default=JobKind.COPY)
    queue = models.CharField(_("queue"), max_length=12, choices=Queue, default=Queue.BULK)
    source_repository = models.CharField(_("source repository"), max_length=255, blank=True)
    target_repository = models.CharField(_("target repository"), max_length=255, blank=True)
    tags = models.JSONField(_("tags"), null=True, help_text=_("Empty: the tags that the rule selects."))
    deleted_tags = models.JSONField(_("deleted tags"), default=list)
    retry_tags = models.JSONField(
        _("tags to retry"), null=True, help_text=_("Set after an attempt that failed for some tags only.")
    )
    status = models.CharField(
        _("status"), max_length=10, choices=STATUS_CHOICES, default=Status.PENDING.value
    )
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    reason_side = models.CharField(_("side"), max_length=6, blank=True)
    reason_detail = models.CharField(_("reason detail"), max_length=500, blank=True)
    attempt = models.PositiveIntegerField(_("attempt"), default=0)
    lost_count = models.PositiveIntegerField(_("workers lost"), default=0)
    not_before = models.DateTimeField(_("not before"))
    lease_token = models.CharField(_("lease token"), max_length=32, blank=True)
    lease_until = models.DateTimeField(_("leased until"), null=True)
    first_failed_at = models.DateTimeField(_("first failure"), null=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    progress = models.JSONField(_("progress"), default=dict)
    findings = models.JSONField(
        _("findings"),
        default=dict,
        help_text=_("What it found out beside tags, by name: counts and bytes."),
    )
    copied_count = models.PositiveIntegerField(_("copied"), default=0)
    up_to_date_count = models.PositiveIntegerField(_("up to date"), default=0)
    skipped_count = models.PositiveIntegerField(_("skipped"), default=0)
    failed_count = models.PositiveIntegerField(_("failed"), default=0)
    deleted_count = models.PositiveIntegerField(_("deleted"), default=0)
    bytes_copied = models.PositiveBigIntegerField(_("bytes copied"), default=0)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        verbose_name_plural = _("jobs")
        ordering = ("id",)
        indexes = [
            models.Index(
                fields=["queue", "not_before"],
                name="job_due",
                condition=models.Q(status__in=["pending", "running"]),
            ),
            models.Index(fields=["execution", "status"], name="job_by_execution"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["execution", "kind", "source_repository"], name="one_job_per_repository"
            ),
            models.CheckConstraint(
                condition=models.Q(status="running") & ~models.Q(lease_token="")
                | ~models.Q(status="running") & models.Q(lease_token=""),
                name="job_leased_iff_running",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "running"], finished_at__isnull=True)
                | models.Q(status__in=["succeeded", "failed", "stopped"], finished_at__isnull=False),
                name="job_finished_iff_final",
            ),
        ]

    def __str__(self) -> str:
        return self.source_repository or self.get_kind_display()
