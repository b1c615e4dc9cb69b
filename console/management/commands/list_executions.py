"""`manage.py list_executions [INSTANCE/RULE]`: the newest executions, as a table or as JSON."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from syncjobs.models import Execution
from syncjobs.summaries import Summary, summarize

_REFUSED = 2
_MAXIMUM_LIMIT = 100_000
_COLUMNS = ("TASK", "RULE", "TRIGGER", "STATUS", "CREATED", "DURATION", "REPOSITORIES", "SUCCESS", "TAGS")


class Command(BaseCommand):
    help = "Lists the newest executions, all of them or those of one rule."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rule", metavar="INSTANCE/RULE", nargs="?")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print a JSON list")
        parser.add_argument("--limit", type=int, default=20, metavar="N", help="how many (default: 20)")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["limit"] <= _MAXIMUM_LIMIT:
            raise CommandError(f"--limit must be 1 to {_MAXIMUM_LIMIT}.", returncode=_REFUSED)
        executions = Execution.objects.select_related("source__account", "rule", "replica").order_by("-id")
        if options["rule"]:
            try:
                executions = executions.filter(rule=references.find_rule(options["rule"]))
            except references.ReferenceProblemError as problem:
                raise CommandError(str(problem), returncode=_REFUSED) from None
        now = timezone.now()
        summaries = [summarize(execution, now) for execution in executions[: options["limit"]]]
        if options["is_json"]:
            self.stdout.write(json.dumps(summaries, ensure_ascii=False, indent=2))
        elif not summaries:
            self.stdout.write("There are no executions.")
        else:
            self._write_table([_COLUMNS, *map(_row, summaries)])

    def _write_table(self, rows: list[tuple[str, ...]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _row(summary: Summary) -> tuple[str, ...]:
    duration, ratio = summary["duration_seconds"], summary["success_ratio"]
    what = summary["rule"] or summary["replica"] or ""
    tags = {**summary["tags"], "deleted": summary["deleted_tag_count"]}
    return (
        str(summary["task_id"]),
        f"{summary['account']}/{summary['instance']}/{what}",
        summary["trigger"],
        summary["status"],
        summary["created_at"][:19],
        "-" if duration is None else f"{duration:.1f} s",
        str(summary["repository_count"]),
        "-" if ratio is None else f"{ratio:.0%}",
        ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in tags.items() if count) or "-",
    )
