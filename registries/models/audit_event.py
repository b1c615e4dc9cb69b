"""Who did what to which object: append-only."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NoReturn

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import Account, Role, User


class AppendOnly(TypeError):
    """Somebody tried to change or delete what happened."""

    def __init__(self) -> None:
        super().__init__("Audit events are neither changed nor deleted; `registries.audit.prune` ends them.")


class AuditEventQuerySet(models.QuerySet["AuditEvent"]):
    """Events, narrowed to what somebody may see; nothing in it changes one."""

    def visible_to(self, user: User) -> AuditEventQuerySet:
        """Keep what administrators of the user's account may see; for staff, all; for others, nothing."""
        if user.is_staff and user.account_id is None:
            return self
        if user.role not in {Role.OWNER, Role.ADMIN} or user.account is None:
            return self.none()
        return self.filter(account=user.account)

    def discard(self, *, before: datetime, limit: int) -> int:
        """Delete the oldest events from before that moment, at most so many; return how many went."""
        old = self.filter(happened_at__lt=before).order_by("happened_at")
        ids = list(old.values_list("pk", flat=True)[:limit])
        count, _per_model = models.QuerySet.delete(self.filter(pk__in=ids))
        return count

    def update(self, **_changes: Any) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly

    def delete(self) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly


class AuditEvent(models.Model):
    """
    One act, written in the transaction of the act itself; it never holds a secret.

    It overrides `save` and `delete`, as no other model does: what holds for every caller can't be left to them.
    """

    happened_at = models.DateTimeField(_("time"), db_index=True)
    account = models.ForeignKey(
        Account, on_delete=models.SET_NULL, null=True, related_name="audit_events", verbose_name=_("account")
    )
    actor = models.ForeignKey(
        User, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("actor")
    )
    actor_name = models.CharField(_("actor name"), max_length=130)
    verb = models.CharField(_("verb"), max_length=60)
    target_type = models.CharField(_("object type"), max_length=40)
    target_id = models.CharField(_("object ID"), max_length=64)
    target_name = models.CharField(_("object"), max_length=255)
    changes = models.JSONField(_("changes"), default=dict)
    ip_address = models.GenericIPAddressField(_("address"), null=True)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-happened_at", "-id")
        indexes = [models.Index(fields=["account", "-happened_at"], name="audit_by_account")]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.target_name}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Store a new event; raises AppendOnly for one that is stored."""
        if not self._state.adding:
            raise AppendOnly
        super().save(*args, **kwargs)

    def delete(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        """Raise AppendOnly."""
        raise AppendOnly
