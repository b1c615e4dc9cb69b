"""Django's registration of the package."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RegistriesConfig(AppConfig):
    """Registers `registries`."""

    name = "registries"
    verbose_name = _("Registries")
