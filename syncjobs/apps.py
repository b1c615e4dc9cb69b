"""Django's registration of the package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SyncjobsConfig(AppConfig):
    """Registers `syncjobs`."""

    name = "syncjobs"
    verbose_name = _("Synchronization")
