"""What actions on a registry's content share: how it is asked, and how repositories and tags are named."""

from __future__ import annotations

from django.utils.translation import gettext as _

from console.cloud.actions import Call
from console.cloud.errors import CloudError
from registries import naming
from registries.services import browsing
from syncjobs.planner import natural_key

_CORE = "InvalidParameter.ErrorTcrInvalidParameter"


def list_repositories(call: Call) -> list[str]:
    """Return the registry's repositories in natural order; raises RegistryError."""
    found = browsing.list_repositories(instance=call.instance, by=call.user)
    return sorted(found.names, key=natural_key)


def repository_path(call: Call) -> str:
    """Return the whole path; a name may come with its namespace, as the vendor's lists tell it."""
    namespace, name = call.values["NamespaceName"], call.values["RepositoryName"]
    path = f"{namespace}/{name.removeprefix(f'{namespace}/')}"
    if not naming.REPOSITORY_PATH.allows(path):
        raise CloudError(_CORE, _(naming.REPOSITORY_PATH.sentence))
    return path


def check_tag(tag: str) -> None:
    """Raise CloudError if that is no tag: it would not even be asked for."""
    if not naming.TAG.allows(tag):
        raise CloudError(_CORE, _(naming.TAG.sentence))
