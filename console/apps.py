"""Django's registration of the package."""

from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    """Registers `console`."""

    name = "console"
