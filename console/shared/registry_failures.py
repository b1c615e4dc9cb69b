"""Why the registry of an instance could not be read, as pages say it."""

from __future__ import annotations

from dataclasses import dataclass

from registries.models import Instance
from registries.oci.errors import RegistryError
from registries.policies import Refused
from syncjobs import reasons


@dataclass(frozen=True, slots=True)
class Failure:
    """A sentence, and the registry's own words where users may see them."""

    sentence: str
    detail: str = ""


def explain(error: RegistryError | Refused, instance: Instance) -> Failure:
    """Say why the registry was not read; the words of a platform's backend are not the tenant's business."""
    if not isinstance(error, RegistryError):
        return Failure(str(error))
    return Failure(reasons.text(error.code), "" if instance.backend else error.detail)
