"""`manage.py rotate_keys`: seals every stored secret under the first key of the ring (docs/howto/rotate-keys.md)."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from registries import vault
from registries.services import sealing as registry_sealing
from registries.services.sealing import Tally, reseal
from syncjobs.services import sealing as rule_sealing

_INCOMPLETE = 1


class Command(BaseCommand):
    help = (
        "Seals every stored secret anew under the first key of REGATTA_VAULT_KEYS. Safe to interrupt, to repeat, and "
        "to run while everything else works. Exits with 1 if some values could not be opened."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        tallies = [reseal(field) for field in (*registry_sealing.FIELDS, *rule_sealing.FIELDS)]
        if options["is_json"]:
            document = {"key_id": vault.current_key_id(), "fields": [_as_json(tally) for tally in tallies]}
            self.stdout.write(json.dumps(document, indent=2))
        else:
            self._show(tallies)
        if any(tally.unreadable for tally in tallies):
            raise SystemExit(_INCOMPLETE)

    def _show(self, tallies: list[Tally]) -> None:
        for tally in tallies:
            counts = f"{tally.resealed_count} sealed anew, {tally.current_count} current"
            self.stdout.write(f"{tally.field}: {counts}, {len(tally.unreadable)} unreadable")
            if tally.unreadable:
                self.stderr.write(f"{tally.field}: no key of the ring opens rows {_listed(tally.unreadable)}")
        if not any(tally.unreadable for tally in tallies):
            self.stdout.write(f"Everything is sealed under {vault.current_key_id()}; earlier keys may go.")


def _as_json(tally: Tally) -> dict[str, Any]:
    return {
        "field": tally.field,
        "resealed_count": tally.resealed_count,
        "current_count": tally.current_count,
        "unreadable": list(tally.unreadable),
    }


def _listed(ids: tuple[int, ...]) -> str:
    shown = ", ".join(map(str, ids[:20]))
    return f"{shown} and {len(ids) - 20} more" if len(ids) > 20 else shown
