"""`manage.py show_hook INSTANCE`: how its registry is made to notify Regatta of pushes and deletions."""

from __future__ import annotations

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse
from django.utils import timezone

from console import references
from console.shared.hook_setup import Hook
from registries.models import Instance
from registries.services import hooks
from registries.vault import VaultError

_REFUSED = 2


class Command(BaseCommand):
    help = (
        "Prints what to configure at a registry so that it tells Regatta of pushes and deletions: a docker-registry "
        "and Harbor. INSTANCE is an instance ID, a name, or ACCOUNT_ID/name. The output holds a secret."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("instance", metavar="INSTANCE")
        parser.add_argument(
            "--rotate", action="store_true", help="make a new secret; the old one stops working"
        )
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        act = hooks.rotate_secret if options["rotate"] else hooks.get_or_create_secret
        try:
            instance = references.find_instance(options["instance"])
            secret = act(instance=instance, by=None, now=timezone.now())
        except references.ReferenceProblemError as problem:
            raise CommandError(str(problem), returncode=_REFUSED) from None
        except VaultError as error:
            raise CommandError(f"{error} Make a new secret with --rotate.", returncode=_REFUSED) from None
        url = f"{settings.BASE_URL}{reverse('hooks:registry', args=[instance.instance_id])}"
        hook = Hook(instance.instance_id, url, secret)
        if options["is_json"]:
            self.stdout.write(json.dumps(_document(hook), ensure_ascii=False, indent=2))
        else:
            self._show(instance, hook)

    def _show(self, instance: Instance, hook: Hook) -> None:
        self.stdout.write(f"# {instance.name} ({instance.instance_id}). Keep this secret.\n")
        self.stdout.write("# docker-registry: into its config.yml, then restart it")
        self.stdout.write(hook.docker_registry_yaml())
        self.stdout.write("# Harbor: Projects > (the project) > Webhooks > New Webhook, for each project")
        for field, value in hook.harbor().items():
            shown = ", ".join(value) if isinstance(value, list) else value
            self.stdout.write(f"{field + ':':16}{shown}")


def _document(hook: Hook) -> dict[str, Any]:
    return {
        "instance_id": hook.instance_id,
        "url": hook.url,
        "authorization": hook.authorization,
        "docker_registry": hook.docker_registry(),
        "harbor": hook.harbor(),
    }
