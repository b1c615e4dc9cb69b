"""An execution: one run of a rule or a replica, one line of the log page."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models import Instance, Replica, User
from syncjobs import states
from syncjobs.models.rule import Rule
from syncjobs.states import Status


class Trigger(models.TextChoices):
    """What started an execution."""

    MANUAL = "manual", _("Manual")
    PUSH = "push", _("Push")
    SCHEDULE = "schedule", _("Schedule")
    POLL = "poll", _("Poll")
    SWEEP = "sweep", _("Reconciling sweep")
    BACKFILL = "backfill", _("Back-fill")
    REPAIR = "repair", _("Repair")
    DRIFT = "drift", _("Drift check")
    REMOVAL = "removal", _("Removal")


MIRROR_SCANS = frozenset({Trigger.BACKFILL, Trigger.SWEEP, Trigger.REPAIR})
"""What makes a whole replica equal to its primary."""


STATUS_CHOICES = [
    (Status.PENDING.value, _("Pending")),
    (Status.RUNNING.value, _("InProgress")),
    (Status.SUCCEEDED.value, _("Succeeded")),
    (Status.FAILED.value, _("Failed")),
    (Status.STOPPED.value, _("Stopped")),
]


class ExecutionQuerySet(models.QuerySet["Execution"]):
    """Executions, narrowed and moved between states."""

    def visible_to(self, user: User) -> ExecutionQuerySet:
        """Keep the executions whose source instance the user may see."""
        return self.filter(source__in=Instance.objects.visible_to(user))

    def active(self) -> ExecutionQuerySet:
        """Keep what has not finished."""
        return self.filter(status__in=states.ACTIVE)

    def move(self, to: Status, **changes: Any) -> int:
        """Compare-and-set: move those that may go to `to`, with the changes; return how many did."""
        allowed = states.sources_of(states.EXECUTION_TRANSITIONS, to)
        return self.filter(status__in=allowed).update(status=to.value, **changes)


class Execution(models.Model):
    """One run; its id is the Task ID of the log page. Counts are final per finished attempt of a job."""

    source = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="executions", verbose_name=_("source instance")
    )
    rule = models.ForeignKey(
        Rule, on_delete=models.CASCADE, null=True, related_name="executions", verbose_name=_("rule")
    )
    replica = models.ForeignKey(
        Replica, on_delete=models.SET_NULL, null=True, related_name="executions", verbose_name=_("replica")
    )
    replica_name = models.CharField(
        _("replica ID"), max_length=40, blank=True, help_text=_("Stays when the replica is gone.")
    )
    trigger = models.CharField(_("trigger"), max_length=10, choices=Trigger)
    status = models.CharField(
        _("status"), max_length=10, choices=STATUS_CHOICES, default=Status.PENDING.value
    )
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    reason_detail = models.CharField(_("reason detail"), max_length=500, blank=True)
    started_by = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("started by")
    )
    created_at = models.DateTimeField(_("created"))
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    stop_requested_at = models.DateTimeField(_("stop requested"), null=True)
    paused_until = models.DateTimeField(_("paused until"), null=True)
    pause_reason = models.CharField(_("pause reason"), max_length=255, blank=True)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True)
    repository_count = models.PositiveIntegerField(_("repositories"), default=0)
    succeeded_repository_count = models.PositiveIntegerField(_("repositories succeeded"), default=0)
    failed_repository_count = models.PositiveIntegerField(_("repositories failed"), default=0)
    copied_count = models.PositiveIntegerField(_("copied"), default=0)
    up_to_date_count = models.PositiveIntegerField(_("up to date"), default=0)
    skipped_count = models.PositiveIntegerField(_("skipped"), default=0)
    failed_count = models.PositiveIntegerField(_("failed"), default=0)
    deleted_count = models.PositiveIntegerField(_("deleted"), default=0)
    bytes_copied = models.PositiveBigIntegerField(_("bytes copied"), default=0)

    objects = ExecutionQuerySet.as_manager()

    class Meta:
        verbose_name = _("execution")
        verbose_name_plural = _("executions")
        ordering = ("-id",)
        indexes = [
            models.Index(fields=["rule", "-id"], name="execution_by_rule"),
            models.Index(fields=["replica", "-id"], name="execution_by_replica"),
            models.Index(fields=["source", "-id"], name="execution_by_source"),
            models.Index(fields=["source", "created_at"], name="execution_by_day"),
            models.Index(fields=["finished_at"], name="execution_by_end"),
            models.Index(
                fields=["id"], name="execution_active", condition=models.Q(status__in=["pending", "running"])
            ),
            models.Index(
                fields=["finished_at"],
                name="execution_finished",
                condition=models.Q(finished_at__isnull=False),
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(rule__isnull=False, replica__isnull=True)
                | models.Q(rule__isnull=True)
                & (models.Q(replica__isnull=False) | ~models.Q(replica_name="")),
                name="execution_of_rule_or_replica",
            ),
            models.CheckConstraint(
                condition=models.Q(status__in=["pending", "running"], finished_at__isnull=True)
                | models.Q(status__in=["succeeded", "failed", "stopped"], finished_at__isnull=False),
                name="execution_finished_iff_final",
            ),
            models.UniqueConstraint(
                fields=["rule"],
                condition=models.Q(status__in=["pending", "running"])
                & models.Q(trigger__in=["manual", "schedule", "poll", "sweep"]),
                name="one_active_scan_per_rule",
            ),
            models.UniqueConstraint(
                fields=["replica"],
                condition=models.Q(status__in=["pending", "running"])
                & models.Q(trigger__in=["backfill", "sweep", "repair", "removal"]),
                name="one_active_scan_per_replica",
            ),
            models.UniqueConstraint(
                fields=["replica"],
                condition=models.Q(status__in=["pending", "running"], trigger="drift"),
                name="one_active_drift_check_per_replica",
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def is_final(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self.status in states.FINAL

    @property
    def success_ratio(self) -> float | None:
        """The share of repositories without failures, 0 to 1; None before any repository is known."""
        return states.success_ratio(
            succeeded_count=self.succeeded_repository_count, total_count=self.repository_count
        )

    def duration(self, now: datetime) -> timedelta | None:
        """Return how long it took, or has taken by `now`; None if it has not started."""
        if self.started_at is None:
            return None
        return (self.finished_at or now) - self.started_at
