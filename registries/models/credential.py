"""The credential that Regatta itself uses to speak to a registry."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import vault
from registries.models.backend import Backend
from registries.models.instance import Instance


class Credential(models.Model):
    """A username and a sealed password of a connected instance or of a backend; write-only in every face."""

    instance = models.OneToOneField(
        Instance,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="credential",
        verbose_name=_("instance"),
    )
    backend = models.OneToOneField(
        Backend,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="credential",
        verbose_name=_("backend"),
    )
    username = models.CharField(_("username"), max_length=255)
    sealed_password = models.TextField(editable=False)
    updated_at = models.DateTimeField(_("updated"), auto_now=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)

    class Meta:
        verbose_name = _("registry credential")
        verbose_name_plural = _("registry credentials")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(instance__isnull=True) ^ models.Q(backend__isnull=True),
                name="credential_has_one_holder",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} @ {self.instance or self.backend}"

    @property
    def seal_context(self) -> str:
        """What the password is bound to: it opens for this holder only."""
        if self.instance:
            return f"{self.instance.seal_context}|credential"
        return f"platform|backend|{self.backend_id}|credential"

    def seal_password(self, password: str) -> None:
        """Set the sealed password; the caller saves."""
        self.sealed_password = vault.seal(password, context=self.seal_context)

    def open_password(self) -> str:
        """
        Return the password, for a worker or a connection test.

        Raises VaultError if it does not open.
        """
        return vault.open_sealed(self.sealed_password, context=self.seal_context)
