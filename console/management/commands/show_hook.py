"""`manage.py show_hook INSTANCE|--backend CODE`: how a registry is made to notify Regatta of pushes and deletions."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from console.shared.hook_setup import Hook
from registries.models import Backend, Instance
from registries.services import hooks
from registries.vault import VaultError

_REFUSED = 2


class Command(BaseCommand):
    help = (
        "Prints what to configure at a registry so that it tells Regatta of pushes and deletions: a docker-registry "
        "and Harbor. INSTANCE is an instance ID, a name, or ACCOUNT_ID/name. The hook of a backend serves all the "
        "instances that are hosted in it. The output holds a secret."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        holder = parser.add_mutually_exclusive_group(required=True)
        holder.add_argument("instance", metavar="INSTANCE", nargs="?")
        holder.add_argument("--backend", metavar="CODE", help="the hook of this backend")
        parser.add_argument(
            "--rotate", action="store_true", help="make a new secret; the old one stops working"
        )
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        act = hooks.rotate_secret if options["rotate"] else hooks.get_or_create_secret
        try:
            holder = _find_holder(options)
            secret = act(holder=holder, by=None, now=timezone.now())
        except references.ReferenceProblemError as problem:
            raise CommandError(str(problem), returncode=_REFUSED) from None
        except VaultError as error:
            raise CommandError(f"{error} Make a new secret with --rotate.", returncode=_REFUSED) from None
        hook = Hook.of(holder, secret)
        if options["is_json"]:
            self.stdout.write(json.dumps(_document(holder, hook), ensure_ascii=False, indent=2))
        else:
            self._show(holder, hook)

    def _show(self, holder: Instance | Backend, hook: Hook) -> None:
        whose = f"{holder.name} ({holder.instance_id})" if isinstance(holder, Instance) else holder.code
        self.stdout.write(f"# {whose}. Keep this secret.\n")
        self.stdout.write("# docker-registry: into its config.yml, then restart it")
        self.stdout.write(hook.docker_registry_yaml())
        self.stdout.write("# Harbor: Projects > (the project) > Webhooks > New Webhook, for each project")
        for field, value in hook.harbor().items():
            shown = ", ".join(value) if isinstance(value, list) else value
            self.stdout.write(f"{field + ':':16}{shown}")


def _find_holder(options: dict[str, Any]) -> Instance | Backend:
    if options["backend"] is not None:
        return references.find_backend(options["backend"])
    instance = references.find_instance(options["instance"])
    if instance.backend is not None:
        raise references.ReferenceProblemError(
            f"The instance {instance.name} is hosted in the backend {instance.backend}, which reports the pushes of "
            f"all it holds: manage.py show_hook --backend {instance.backend}"
        )
    return instance


def _document(holder: Instance | Backend, hook: Hook) -> dict[str, Any]:
    whose = {"instance_id": holder.instance_id} if isinstance(holder, Instance) else {"backend": holder.code}
    return {
        **whose,
        "url": hook.url,
        "authorization": hook.authorization,
        "docker_registry": hook.docker_registry(),
        "harbor": hook.harbor(),
    }
