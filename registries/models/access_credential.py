"""Access credentials that Regatta issues for an instance, to its own users and to other tenants."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import vault
from registries.models.account import User
from registries.models.instance import Instance
from registries.naming import ALL_NAMESPACES


class CredentialKind(models.TextChoices):
    """User-level: the username is the Account ID. Service-level: `tcr$` and a name."""

    USER = "user", _("User-level")
    SERVICE = "service", _("Service-level")


class Action(models.TextChoices):
    """What a service-level account may do in a namespace."""

    PULL = "pull", _("Pull")
    PUSH = "push", _("Push")


class CredentialState(models.TextChoices):
    """Whether a credential opens anything at a given moment, apart from the rights of its issuer."""

    USABLE = "usable", _("Enabled")
    DISABLED = "disabled", _("Disabled")
    EXPIRED = "expired", _("Expired")
    OUTDATED = "outdated", _("Must be issued anew")


class AccessCredential(models.Model):
    """
    A credential that somebody presents to Regatta; its secret is stored nowhere.

    `secret_fingerprint` finds it (docs/adr/0008): a lookup costs the same whatever is stored. The sealed digest is
    there so that a change of keys can make the fingerprint anew. `secret_hash` is what versions before that
    stored; such a credential opens nothing until its secret is given again.

    A user-level credential does what its issuer may, in `namespaces` (empty: all). A service-level one does what
    `permissions` say, {namespace or `*`: actions}, and never more than its issuer. `created_by` None: the platform
    issued it. When its issuer is deleted, the credential goes, too: it must not become the platform's.

    Source: seeds 000 and 001 (Account ID and access credential; username and password), and
    reference/tencent-api.md 1.5 and 3.8.
    """

    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="access_credentials", verbose_name=_("instance")
    )
    kind = models.CharField(_("kind"), max_length=10, choices=CredentialKind, default=CredentialKind.USER)
    token_id = models.CharField(_("token ID"), max_length=20, unique=True)
    username = models.CharField(_("username"), max_length=255)
    description = models.CharField(_("description"), max_length=255, blank=True)
    secret_hash = models.CharField(max_length=255, editable=False, blank=True, default="")
    secret_fingerprint = models.CharField(max_length=200, editable=False, blank=True, default="")
    sealed_secret_digest = models.TextField(editable=False, blank=True, default="")
    namespaces = models.JSONField(
        _("namespaces"), default=list, blank=True, help_text=_("Empty: every namespace of the instance.")
    )
    permissions = models.JSONField(_("permissions"), default=dict, blank=True)
    can_push = models.BooleanField(_("may push"), default=True)
    is_temporary = models.BooleanField(_("temporary"), default=False)
    is_enabled = models.BooleanField(_("enabled"), default=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_by = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, blank=True, verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("access credential")
        verbose_name_plural = _("access credentials")
        ordering = ("-created_at",)
        indexes = [models.Index(fields=["secret_fingerprint"], name="access_credential_by_secret")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind="service", username__startswith="tcr$")
                | models.Q(kind="user") & ~models.Q(username__startswith="tcr$"),
                name="access_credential_username_fits_kind",
            ),
            models.CheckConstraint(
                condition=models.Q(is_temporary=False) | models.Q(expires_at__isnull=False),
                name="temporary_access_credential_expires",
            ),
            models.UniqueConstraint(
                fields=["instance", "username"],
                condition=models.Q(kind="service"),
                name="service_account_unique_in_instance",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.username} ({self.token_id})"

    @property
    def seal_context(self) -> str:
        """What the digest of the secret is bound to."""
        return f"{self.instance.seal_context}|access_credential|{self.token_id}"

    @property
    def fingerprint_context(self) -> str:
        """What the fingerprint is bound to, which whoever presents the secret must name, too."""
        return fingerprint_context(self.instance.instance_id, self.username)

    def store_secret(self, secret: str) -> None:
        """Set what the secret is recognized by; the caller saves."""
        digest = digest_of(secret)
        self.secret_fingerprint = vault.fingerprint(digest, context=self.fingerprint_context)
        self.sealed_secret_digest = vault.seal(digest, context=self.seal_context)
        self.secret_hash = ""

    def has_secret(self, secret: str) -> bool:
        """Tell whether this is the credential's secret."""
        presented = vault.fingerprints(digest_of(secret), context=self.fingerprint_context)
        return self.secret_fingerprint in presented

    def state(self, now: datetime) -> CredentialState:
        """Return whether the credential itself would open anything now."""
        if not self.is_enabled:
            return CredentialState.DISABLED
        if self.expires_at is not None and self.expires_at <= now:
            return CredentialState.EXPIRED
        return CredentialState.USABLE if self.secret_fingerprint else CredentialState.OUTDATED

    def allows(self, action: Action, namespace: str) -> bool:
        """Tell whether it was issued for this; whether its issuer still may is another question."""
        if self.kind == CredentialKind.SERVICE:
            return any(
                action in self.permissions.get(name, ())
                for name in dict.fromkeys((namespace, ALL_NAMESPACES))
            )
        if action == Action.PUSH and not self.can_push:
            return False
        return not self.namespaces or namespace in self.namespaces

    @property
    def pushes(self) -> bool:
        """Whether it may push anywhere."""
        if self.kind == CredentialKind.SERVICE:
            return any(Action.PUSH in actions for actions in self.permissions.values())
        return self.can_push


def fingerprint_context(instance_id: str, username: str) -> str:
    """Return what the fingerprint of a secret is bound to."""
    return f"{instance_id}|{username}|access_credential"


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret; unsalted, so it is stored sealed or fingerprinted only."""
    return hashlib.sha256(secret.encode()).hexdigest()
