"""`manage.py preview_rule INSTANCE/RULE`: tells what a run of a rule would do now, and does nothing."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from registries.policies import Refused
from syncjobs import reasons
from syncjobs.services import previews
from syncjobs.services.previews import Action, Preview

_INCOMPLETE = 1
_REFUSED = 2


class Command(BaseCommand):
    help = (
        "Asks both registries what a run of a synchronization rule would do now; nothing is copied or stored. "
        "INSTANCE is an instance ID, a name, or ACCOUNT_ID/name. Exit code: 0 everything was looked at, 1 a "
        "registry refused or the limits of a preview were reached, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rule", metavar="INSTANCE/RULE")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rule = references.find_rule(options["rule"])
            preview = previews.preview(rule=rule, by=None, now=timezone.now())
        except (references.ReferenceProblemError, Refused) as refusal:
            raise CommandError(str(refusal), returncode=_REFUSED) from None
        if options["is_json"]:
            self.stdout.write(json.dumps(preview.as_json(), ensure_ascii=False))
        else:
            self._show(preview)
        if not preview.is_complete:
            raise SystemExit(_INCOMPLETE)

    def _show(self, preview: Preview) -> None:
        counts = ", ".join(
            f"{count} {action.value.replace('_', ' ')}" for action, count in preview.counts.items() if count
        )
        self.stdout.write(f"repositories  {preview.repository_count}")
        self.stdout.write(f"tags          {counts or 'none'}")
        for line in preview.lines:
            verdict = line.verdict
            words = reasons.text(verdict.reason, verdict.side) if verdict.action is Action.FAIL else ""
            place = f"{line.source_repository}:{line.tag} -> {line.target_repository}:{line.tag}"
            self.stdout.write(f"  {verdict.action.value:<12}{place}{f'  {words}' if words else ''}")
        if preview.line_count > len(preview.lines):
            self.stdout.write(f"  … and {preview.line_count - len(preview.lines)} more tags")
        for conflict in preview.conflicts:
            sources = ", ".join(conflict.shown_sources)
            more = f" and {conflict.hidden_count} more" if conflict.hidden_count else ""
            self.stdout.write(
                f"  conflict    {sources}{more} -> {conflict.target}  {reasons.text(conflict.reason)}"
            )
        if preview.conflict_count > len(preview.conflicts):
            self.stdout.write(f"  … and {preview.conflict_count - len(preview.conflicts)} more conflicts")
        self._warn(preview)

    def _warn(self, preview: Preview) -> None:
        if not preview.is_listed_whole:
            self.stderr.write("The list of the source's repositories was left before its end.")
        if preview.unlisted_count:
            self.stderr.write(f"The tags of {preview.unlisted_count} repositories were not looked at.")
        if count := preview.counts[Action.UNKNOWN]:
            self.stderr.write(f"Tags not compared: {count}.")
        if problem := preview.problem:
            words = (reasons.text(problem.code, problem.side), problem.detail, problem.repository)
            self.stderr.write(" ".join(word for word in words if word))
