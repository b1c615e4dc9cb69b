"""Django's registration of the package."""

from django.apps import AppConfig


class RegistriesConfig(AppConfig):
    """Registers `registries`."""

    name = "registries"
