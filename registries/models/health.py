"""What the last connection to a registry said, of an instance and of a backend alike."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Health(models.TextChoices):
    """What the last connection to the registry said."""

    UNKNOWN = "unknown", _("Not checked")
    HEALTHY = "healthy", _("Healthy")
    UNHEALTHY = "unhealthy", _("Unhealthy")
