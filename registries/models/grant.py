"""What a user may do with one instance beyond the role in the account."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import User
from registries.models.instance import Instance


class Permission(models.TextChoices):
    """Each permission includes the ones above it in this list."""

    VIEW = "view", _("View")
    PUSH = "push", _("Push")
    SYNCHRONIZE = "synchronize", _("Synchronize")
    MANAGE = "manage", _("Manage")


class Grant(models.Model):
    """
    One permission of one user on one instance of the same account.

    It only adds: what the role gives in the whole account, it gives on this instance, too.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="grants", verbose_name=_("user"))
    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="grants", verbose_name=_("instance")
    )
    permission = models.CharField(_("permission"), max_length=12, choices=Permission)

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.UniqueConstraint(fields=["user", "instance"], name="one_grant_per_user_and_instance"),
            models.CheckConstraint(
                condition=models.Q(permission__in=Permission.values), name="grant_permission_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user}: {self.permission} on {self.instance}"
