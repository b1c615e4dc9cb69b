"""`manage.py apply FILE`: makes the database match a declarative file (docs/reference/apply.md)."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from console.apply.problems import FileRefusedError, Problem
from console.apply.run import Report, apply
from console.apply.session import Change, ChangeStatus

_REFUSED = 2


class Command(BaseCommand):
    help = (
        "Makes the database match a declarative YAML file: regions, backends, accounts, staff, instances, "
        "credentials, rules. Applies all of it or, if anything is wrong, nothing (exit code 2)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE", help="the YAML file, - for standard input")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")
        parser.add_argument(
            "--no-check", action="store_true", help="do not try the connections of new and changed instances"
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would change and save nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        name = "-" if str(path) == "-" else str(path)
        try:
            report = apply(
                self._read(path),
                directory=path.parent,
                now=timezone.now(),
                is_checking=not options["no_check"],
                is_dry_run=options["dry_run"],
            )
        except FileRefusedError as refusal:
            self._refuse(name, refusal.problems, is_json=options["is_json"])
        else:
            self._show(name, report, is_json=options["is_json"])

    def _read(self, path: Path) -> str:
        try:
            return sys.stdin.read() if str(path) == "-" else path.read_text(encoding="utf-8")
        except OSError as error:
            raise FileRefusedError([Problem(1, "", f"The file cannot be read: {error.strerror}.")]) from None
        except UnicodeDecodeError:
            raise FileRefusedError([Problem(1, "", "The file is not text in UTF-8.")]) from None

    def _refuse(self, name: str, problems: list[Problem], *, is_json: bool) -> None:
        for problem in problems:
            self.stderr.write(problem.show(name))
        if is_json:
            errors = [problem.as_json() for problem in problems]
            self._write_json({"file": name, "is_applied": False, "errors": errors})
        else:
            noun = "problem" if len(problems) == 1 else "problems"
            self.stderr.write(f"Nothing was applied: {len(problems)} {noun}.")
        raise SystemExit(_REFUSED)

    def _show(self, name: str, report: Report, *, is_json: bool) -> None:
        for warning in report.warnings:
            self.stderr.write(f"{warning.show(name)} (warning)")
        counts = Counter(change.status for change in report.changes)
        if is_json:
            self._write_json(
                {
                    "file": name,
                    "is_applied": report.is_applied,
                    "counts": {status.value: counts[status] for status in ChangeStatus},
                    "changes": [change.as_json() for change in report.changes],
                    "warnings": [warning.as_json() for warning in report.warnings],
                }
            )
            return
        for change in report.changes:
            self.stdout.write(_line(change, with_id=report.is_applied))
        summary = ", ".join(f"{counts[status]} {status.value}" for status in ChangeStatus)
        self.stdout.write(f"{summary}." if report.is_applied else f"Dry run, nothing was saved: {summary}.")

    def _write_json(self, document: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))


def _line(change: Change, *, with_id: bool) -> str:
    details = [change.id] if change.id and with_id else []
    details += [", ".join(change.fields)] if change.fields else []
    suffix = f"  ({'; '.join(details)})" if details else ""
    return f"{change.status.value:<10}{change.kind:<11}{change.name}{suffix}"
