"""Django's registration of the package."""

from django.apps import AppConfig


class SyncjobsConfig(AppConfig):
    """Registers `syncjobs`."""

    name = "syncjobs"
