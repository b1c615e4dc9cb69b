"""Access credentials that Regatta issues for an instance, to its own users and to other tenants."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import User
from registries.models.instance import Instance


class CredentialKind(models.TextChoices):
    """User-level: the username is the Account ID. Service-level: `tcr$` and a name."""

    USER = "user", _("User-level")
    SERVICE = "service", _("Service-level")


class AccessCredential(models.Model):
    """
    A credential that somebody presents to Regatta; only a hash of its secret is stored.

    Source: seeds 000 and 001 (Account ID and access credential; username and password), and
    reference/tencent-api.md 3.8.
    """

    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="access_credentials", verbose_name=_("instance")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=CredentialKind, default=CredentialKind.USER)
    token_id = models.CharField(_("token ID"), max_length=20, unique=True)
    username = models.CharField(_("username"), max_length=255)
    description = models.CharField(_("description"), max_length=255, blank=True)
    secret_hash = models.CharField(max_length=255, editable=False)
    namespaces = models.JSONField(
        _("namespaces"), default=list, blank=True, help_text=_("Empty: every namespace of the instance.")
    )
    can_push = models.BooleanField(_("may push"), default=True)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.CASCADE, verbose_name=_("created by"))
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("access credential")
        verbose_name_plural = _("access credentials")
        ordering = ("-created_at",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="service", username__startswith="tcr$")
                | models.Q(kind="user") & ~models.Q(username__startswith="tcr$"),
                name="access_credential_username_fits_kind",
            ),
            models.UniqueConstraint(
                fields=["instance", "username"],
                condition=models.Q(kind="service"),
                name="service_account_unique_in_instance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.token_id})"
