"""`manage.py test_connection INSTANCE`: tests the stored connection to a registry, step by step."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from registries.services import connections

_FAILED = 1
_REFUSED = 2


class Command(BaseCommand):
    help = (
        "Tests the connection of an instance: address, TLS, sign-in, catalogue, right to push. INSTANCE is an "
        "instance ID, a name, or ACCOUNT_ID/name. Exits with 1 if a step failed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("instance", metavar="INSTANCE")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            instance = references.find_instance(options["instance"])
        except references.ReferenceProblemError as problem:
            raise CommandError(str(problem), returncode=_REFUSED) from None
        report = connections.test(instance=instance, by=None, now=timezone.now())
        if options["is_json"]:
            document = {
                "instance_id": instance.instance_id,
                "is_ok": report.failed is None,
                "steps": [step.as_json() for step in report.steps],
            }
            self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))
        else:
            for step in report.steps:
                self.stdout.write(f"{step.status:<8}{step.label:<16}{step.milliseconds:>6} ms  {step.words}")
        if report.failed:
            raise SystemExit(_FAILED)
