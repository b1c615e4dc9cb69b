"""Looks at what a hosted instance holds before it is given up: its content has no other address."""

from __future__ import annotations

import asyncio
import logging

from django.conf import settings
from django.utils.translation import gettext as _

from registries.models import Instance
from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import NotFound, RegistryError
from registries.oci.exchange import Timeouts
from registries.oci.guard import HostGuard
from registries.oci.retry import RetryPolicy
from registries.vault import VaultError

_SECONDS = 20
_NAMED = 5
_RETRY = RetryPolicy(attempts=2, throttled_attempts=2)
_TIMEOUTS = Timeouts(connect_seconds=8.0, stall_seconds=10.0)

log = logging.getLogger(__name__)


def find_obstacle(instance: Instance) -> str:
    """
    Return why the hosted instance cannot go: namespaces that hold tags, or that nobody can tell; "" if it can.

    Not for code that runs in an event loop, nor inside a transaction. Takes 20 seconds at most.
    """
    try:
        namespaces = asyncio.run(_find_namespaces(instance.endpoint()))
    except (RegistryError, TimeoutError, VaultError) as error:
        log.warning("What %s holds cannot be listed: %s", instance.instance_id, error)
        return _(
            "Nobody can tell now whether the instance is empty: its registry does not answer. Try again later."
        )
    if not namespaces:
        return ""
    return _("The instance has images in these namespaces: %(names)s. Delete them first.") % {
        "names": ", ".join(namespaces)
    }


async def _find_namespaces(endpoint: Endpoint) -> list[str]:
    """Return the first few namespaces with a tag; registries go on listing repositories whose tags are gone."""
    found: dict[str, None] = {}
    guard = HostGuard(allowed_networks=settings.ALLOWED_NETWORKS)
    async with (
        asyncio.timeout(_SECONDS),
        RegistryClient(endpoint, guard=guard, timeouts=_TIMEOUTS, retry=_RETRY) as client,
    ):
        async for names in client.list_repositories():
            for name in names:
                namespace = name.partition("/")[0]
                if namespace not in found and await _has_tags(client, name):
                    found[namespace] = None
                if len(found) == _NAMED:
                    return list(found)
    return list(found)


async def _has_tags(client: RegistryClient, repository: str) -> bool:
    try:
        async for tags in client.list_tags(repository):
            if tags:
                return True
    except NotFound:
        return False
    return False
