"""What a program was answered under an idempotency key, so that asking again does nothing twice."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.account import User


class StoredAnswer(models.Model):
    """
    One answer of the REST API to one user's key; kept for a day. It never holds a secret.

    `request_digest` tells whether the same is asked again.
    """

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+", verbose_name=_("user"))
    key = models.CharField(_("key"), max_length=200)
    request_digest = models.CharField(_("digest of the request"), max_length=64)
    status = models.PositiveSmallIntegerField(_("status"), default=0)
    body = models.JSONField(_("body"), default=dict)
    created_at = models.DateTimeField(_("created"), db_index=True)

    class Meta:
        verbose_name = _("stored answer")
        verbose_name_plural = _("stored answers")
        constraints = [
            models.UniqueConstraint(fields=["user", "key"], name="one_stored_answer_per_key"),
        ]

    def __str__(self) -> str:
        return self.key
