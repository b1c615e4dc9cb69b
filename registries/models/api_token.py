"""API tokens: with one a user's programs call the REST API."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries import vault
from registries.models.account import User


class TokenScope(models.TextChoices):
    """What a token is good for, whatever its user may do; each includes the ones above it."""

    READ = "read", _("Read")
    OPERATE = "operate", _("Operate")
    ADMIN = "admin", _("Administer")


class ApiToken(models.Model):
    """
    A token of one user; whoever presents it is that user, as far as its scope reaches.

    The secret is stored nowhere: `secret_fingerprint` recognizes it (docs/adr/0008), and the sealed digest is there
    so that a change of keys can make the fingerprint anew. When its user is deleted, the token goes, too.
    """

    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="api_tokens", verbose_name=_("user")
    )
    token_id = models.CharField(_("token ID"), max_length=20, unique=True)
    description = models.CharField(_("description"), max_length=255, blank=True)
    scope = models.CharField(_("scope"), max_length=10, choices=TokenScope)
    secret_fingerprint = models.CharField(max_length=200, editable=False)
    sealed_secret_digest = models.TextField(editable=False)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"))

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(scope__in=TokenScope.values), name="api_token_scope_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.description} ({self.token_id})" if self.description else self.token_id

    @property
    def seal_context(self) -> str:
        """What the digest of the secret is bound to."""
        return f"{self.user.account_id}|api_token|{self.token_id}"

    @property
    def fingerprint_context(self) -> str:
        """What the fingerprint is bound to."""
        return fingerprint_context(self.token_id)

    def store_secret(self, secret: str) -> None:
        """Set what the secret is recognized by; the caller saves."""
        digest = digest_of(secret)
        self.secret_fingerprint = vault.fingerprint(digest, context=self.fingerprint_context)
        self.sealed_secret_digest = vault.seal(digest, context=self.seal_context)

    def is_expired(self, now: datetime) -> bool:
        """Tell whether its time is over."""
        return self.expires_at <= now

    def covers(self, scope: TokenScope) -> bool:
        """Tell whether it is good for what needs this scope."""
        ladder = list(TokenScope)
        return ladder.index(TokenScope(self.scope)) >= ladder.index(scope)


def fingerprint_context(token_id: str) -> str:
    """Return what the fingerprint of a secret is bound to."""
    return f"{token_id}|api_token"


def digest_of(secret: str) -> str:
    """Return the SHA-256 of a secret; unsalted, so it is stored sealed or fingerprinted only."""
    return hashlib.sha256(secret.encode()).hexdigest()
