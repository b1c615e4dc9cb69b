"""Who is signed in from where, and how often signing in failed."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import User


class SignIn(models.Model):
    """
    One session of a user, so that it can be listed and ended.

    The session itself is Django's; it counts as open as long as that row exists and has not expired.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins", verbose_name=_("user"))
    session_key = models.CharField(max_length=40, unique=True, editable=False)
    user_agent = models.CharField(_("device"), max_length=255, blank=True)
    ip_address = models.GenericIPAddressField(_("address"), null=True)
    signed_in_at = models.DateTimeField(_("signed in"))
    last_seen_at = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("sign-in")
        verbose_name_plural = _("sign-ins")
        ordering = ("-last_seen_at",)

    def __str__(self) -> str:
        return f"{self.user} ({self.pk})"


class SignInThrottle(models.Model):
    """
    How many attempts to sign in failed lately for one name, or from one address, and until when none is taken.

    `key` is `name:` and a digest (people type passwords where a name belongs), or `address:` and the network.
    """

    key = models.CharField(_("name or address"), max_length=80, unique=True)
    attempt_count = models.PositiveIntegerField(_("attempts"), default=0)
    last_attempt_at = models.DateTimeField(_("last attempt"), db_index=True)
    blocked_until = models.DateTimeField(_("blocked until"))

    class Meta:
        verbose_name = _("sign-in throttle")
        verbose_name_plural = _("sign-in throttles")
        ordering = ("-last_attempt_at",)

    def __str__(self) -> str:
        return self.key
