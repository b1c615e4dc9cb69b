"""What to write into the configuration of a registry so that it notifies Regatta."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml
from django.conf import settings
from django.urls import reverse

from registries.models import Backend, Instance
from registries.services.hooks import SCHEME

_ENDPOINT_NAME = "regatta"


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a registry is to post, and the secret by which it is known."""

    url: str
    secret: str

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"{SCHEME} {self.secret}"

    @classmethod
    def of(cls, holder: Instance | Backend, secret: str) -> Hook:
        """Return the hook of an instance, or of a backend for all that it holds."""
        if isinstance(holder, Backend):
            path = reverse("hooks:backend", args=[holder.code])
        else:
            path = reverse("hooks:registry", args=[holder.instance_id])
        return cls(f"{settings.BASE_URL}{path}", secret)

    def docker_registry(self) -> dict[str, Any]:
        """Return the `notifications` part of a docker-registry's config.yml."""
        endpoint = {
            "name": _ENDPOINT_NAME,
            "url": self.url,
            "headers": {"Authorization": [self.authorization]},
            "timeout": "2s",
            "threshold": 3,
            "backoff": "1s",
            "ignore": {"mediatypes": ["application/octet-stream"], "actions": ["pull", "mount"]},
        }
        return {"notifications": {"endpoints": [endpoint]}}

    def docker_registry_yaml(self) -> str:
        """Return that part as text to paste."""
        text: str = yaml.safe_dump(self.docker_registry(), sort_keys=False, width=1000)
        return text

    def harbor(self) -> dict[str, Any]:
        """Return the fields of Harbor's form, in its words."""
        return {
            "Notify Type": "http",
            "Payload Format": "CloudEvents",
            "Event Type": ["Artifact deleted", "Artifact pushed"],
            "Endpoint URL": self.url,
            "Auth Header": self.authorization,
        }
