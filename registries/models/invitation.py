"""Links that let somebody choose a password, once: invitations of new users, and resets for existing ones."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import Account, Role, User


class OneTimeLink(models.Model):
    """
    What both kinds have in common; the row is deleted when its link is used.

    Only a digest of the token is stored. `created_by` None: the platform made it.
    """

    token_digest = models.CharField(max_length=64, unique=True, editable=False)
    created_by = models.ForeignKey(
        User, on_delete=models.CASCADE, null=True, related_name="+", verbose_name=_("created by")
    )
    created_at = models.DateTimeField(_("created"))
    expires_at = models.DateTimeField(_("expires"))

    class Meta:
        abstract = True


class InvitationQuerySet(models.QuerySet["Invitation"]):
    """Invitations, narrowed to what somebody may see."""

    def visible_to(self, user: User) -> InvitationQuerySet:
        """Keep the invitations to the accounts that the user sees."""
        return self.filter(account__in=Account.objects.visible_to(user))


class Invitation(OneTimeLink):
    """Somebody may become a user of the account under this name and with this role."""

    account = models.ForeignKey(
        Account, on_delete=models.CASCADE, related_name="invitations", verbose_name=_("account")
    )
    username = models.CharField(_("username"), max_length=100)
    role = models.CharField(_("role"), max_length=10, choices=Role)
    email = models.EmailField(_("email"), blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        verbose_name = _("invitation")
        verbose_name_plural = _("invitations")
        ordering = ("username",)
        constraints = [
            models.UniqueConstraint(fields=["account", "username"], name="one_invitation_per_username"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="invitation_role_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.username}@{self.account.uin}"


class PasswordReset(OneTimeLink):
    """The user may choose a new password; the old one has stopped working."""

    user = models.OneToOneField(
        User, on_delete=models.CASCADE, related_name="password_reset", verbose_name=_("user")
    )

    class Meta:
        verbose_name = _("password reset")
        verbose_name_plural = _("password resets")
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.user.login
