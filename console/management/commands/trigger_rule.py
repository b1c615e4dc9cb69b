"""`manage.py trigger_rule INSTANCE/RULE`: starts a rule by hand and, with `--wait`, tells how it ended."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from registries.policies import Refused
from syncjobs import reasons
from syncjobs.models import Execution, Worker
from syncjobs.services import rules
from syncjobs.states import Status
from syncjobs.summaries import Summary, summarize

_FAILED = 1
_REFUSED = 2
_LOOK_SECONDS = 0.2
_WORKER_IS_GONE_AFTER = timedelta(seconds=30)


class Command(BaseCommand):
    help = (
        "Triggers a synchronization rule. INSTANCE is an instance ID, a name, or ACCOUNT_ID/name. "
        "Exit code: 0 succeeded (or only started), 1 failed, stopped or not finished in time, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("rule", metavar="INSTANCE/RULE")
        parser.add_argument("--wait", action="store_true", help="wait until the execution has finished")
        parser.add_argument("--timeout", type=float, metavar="SECONDS", help="the longest time to wait")
        parser.add_argument("--json", action="store_true", dest="is_json", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            rule = references.find_rule(options["rule"])
            execution = rules.trigger(rule=rule, by=None, now=timezone.now())
        except (references.ReferenceProblemError, Refused) as refusal:
            raise CommandError(str(refusal), returncode=_REFUSED) from None
        if options["wait"]:
            self._warn_without_worker()
            execution = self._wait(execution, options["timeout"])
        summary = summarize(execution, timezone.now())
        if options["is_json"]:
            self.stdout.write(json.dumps(summary, ensure_ascii=False))
        else:
            self._show(summary)
        is_good = execution.status == Status.SUCCEEDED or not options["wait"]
        if not is_good:
            raise SystemExit(_FAILED)

    def _warn_without_worker(self) -> None:
        alive_since = timezone.now() - _WORKER_IS_GONE_AFTER
        if not Worker.objects.filter(heartbeat_at__gte=alive_since).exists():
            self.stderr.write("No worker has reported in the last 30 seconds. Is one running? Waiting.")

    def _wait(self, execution: Execution, timeout_seconds: float | None) -> Execution:
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not execution.is_final:
            if deadline is not None and time.monotonic() >= deadline:
                self.stderr.write(f"Task {execution.pk} has not finished after {timeout_seconds:g} seconds.")
                break
            time.sleep(_LOOK_SECONDS)
            execution.refresh_from_db()
        return execution

    def _show(self, summary: Summary) -> None:
        tags = summary["tags"]
        words = {**tags, "deleted": summary["deleted_tag_count"]}
        counts = ", ".join(f"{count} {word.replace('_', ' ')}" for word, count in words.items() if count)
        self.stdout.write(f"Task {summary['task_id']}: {summary['status']}")
        if summary["duration_seconds"] is not None:
            self.stdout.write(f"  duration      {summary['duration_seconds']:.1f} s")
        if summary["success_ratio"] is not None:
            self.stdout.write(
                f"  repositories  {summary['repository_count']}, {summary['success_ratio']:.0%} without failures"
            )
        if counts:
            self.stdout.write(f"  tags          {counts}")
            self.stdout.write(f"  copied        {summary['bytes_copied']} bytes")
        if summary["reason"]:
            detail = f" ({summary['reason_detail']})" if summary["reason_detail"] else ""
            self.stdout.write(f"  reason        {reasons.text(summary['reason'])}{detail}")
