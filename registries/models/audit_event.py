"""Who did what to which object: append-only."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import Account, User


class AuditEvent(models.Model):
    """One act, written in the transaction of the act itself; it never holds a secret."""

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

    class Meta:
        verbose_name = _("audit event")
        verbose_name_plural = _("audit events")
        ordering = ("-happened_at", "-id")
        indexes = [models.Index(fields=["account", "-happened_at"], name="audit_by_account")]

    def __str__(self) -> str:
        return f"{self.actor_name} {self.verb} {self.target_name}"
