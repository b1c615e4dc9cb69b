"""API keys: a SecretId and a SecretKey with which a user's programs sign calls of the cloud API."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import vault
from registries.models.account import User


class ApiKey(models.Model):
    """
    A key of one user; whoever signs with it is that user, with their rights at that moment.

    The SecretKey is sealed and not hashed: checking a signature needs it. It is shown once, where it is made.

    Source: reference/tencent-api.md 2.2, SecretId and SecretKey.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="api_keys", verbose_name=_("user"))
    secret_id = models.CharField(_("SecretId"), max_length=40, unique=True)
    sealed_secret_key = models.TextField(editable=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    created_at = models.DateTimeField(_("created"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ("-created_at", "-id")

    def __str__(self) -> str:
        return self.secret_id

    @property
    def seal_context(self) -> str:
        """What the SecretKey is bound to."""
        return f"{self.user.account_id}|api_key|{self.secret_id}"

    def seal_secret_key(self, secret_key: str) -> None:
        """Set the sealed SecretKey; the caller saves."""
        self.sealed_secret_key = vault.seal(secret_key, context=self.seal_context)

    def open_secret_key(self) -> str:
        """
        Return the SecretKey, to check a signature with.

        Raises VaultError if it does not open.
        """
        return vault.open_sealed(self.sealed_secret_key, context=self.seal_context)
