"""A namespace: the first segment of a repository's path."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from registries.models.instance import Instance


class Namespace(models.Model):
    """A namespace that was created in, or seen in, an instance."""

    instance = models.ForeignKey(
        Instance, on_delete=models.CASCADE, related_name="namespaces", verbose_name=_("instance")
    )
    name = models.CharField(_("name"), max_length=128)
    is_public = models.BooleanField(_("public"), default=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("namespace")
        verbose_name_plural = _("namespaces")
        ordering = ("name",)
        constraints = [
            models.UniqueConstraint(fields=["instance", "name"], name="namespace_unique_in_instance"),
        ]

    def __str__(self) -> str:
        return self.name
