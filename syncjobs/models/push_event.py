"""A push event: what a registry told us, stored before anything is decided."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models import Instance


class EventAction(models.TextChoices):
    """What happened to the tag."""

    PUSH = "push", _("Push")
    DELETE = "delete", _("Delete")


class PushEvent(models.Model):
    """One event of one registry; a second delivery has the same event id and is dropped."""

    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="push_events", verbose_name=_("instance")
    )
    event_id = models.CharField(_("event ID"), max_length=128)
    action = models.CharField(_("action"), max_length=10, choices=EventAction)
    repository = models.CharField(_("repository"), max_length=255)
    tag = models.CharField(_("tag"), max_length=255, blank=True)
    digest = models.CharField(_("digest"), max_length=160, blank=True)
    received_at = models.DateTimeField(_("received"))
    handled_at = models.DateTimeField(_("handled"), null=True)

    class Meta:
        verbose_name = _("push event")
        verbose_name_plural = _("push events")
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["instance", "event_id"], name="push_event_unique_in_instance"),
        ]
        indexes = [
            models.Index(
                fields=["instance"], name="push_event_unhandled", condition=models.Q(handled_at__isnull=True)
            ),
            models.Index(fields=["instance", "repository", "tag"], name="push_event_of_tag"),
            models.Index(
                fields=["handled_at"], name="push_event_handled", condition=models.Q(handled_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.action} {self.repository}:{self.tag}"
