"""`manage.py replicas list|create|delete|check|repair`: instance replication on the command line."""

from __future__ import annotations

import json
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from console import references
from registries.models import Replica
from registries.policies import Refused
from syncjobs import reasons
from syncjobs.models import Execution
from syncjobs.queries import replica_rows
from syncjobs.queries.replica_rows import ReplicaRow
from syncjobs.replica_form import ReplicaForm
from syncjobs.services import deployments, replication
from syncjobs.states import Status
from syncjobs.summaries import summarize

_FAILED = 1
_REFUSED = 2
_LOOK_SECONDS = 0.2
_COLUMNS = ("REPLICA", "PRIMARY", "REGION", "STATUS", "BEHIND", "LAST SUCCESS", "DRIFT")


class Command(BaseCommand):
    help = (
        "Lists, creates, deletes, compares and repairs replicas. INSTANCE is an instance ID, a name, or "
        "ACCOUNT_ID/name. Exit code: 0 done (or only started), 1 what was waited for failed, found differences or "
        "has not finished in time, 2 refused."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
        listing = acts.add_parser("list", help="list replicas, of all instances or of one")
        listing.add_argument("instance", metavar="INSTANCE", nargs="?")
        creation = acts.add_parser("create", help="replicate an instance to a region")
        creation.add_argument("instance", metavar="INSTANCE")
        creation.add_argument("region", metavar="REGION", help="code of the region, such as ap-shanghai")
        deletion = acts.add_parser("delete", help="delete a replica with its content")
        check = acts.add_parser("check", help="compare every digest with the primary (drift check)")
        repair = acts.add_parser("repair", help="make the replica equal to its primary")
        for one in (deletion, check, repair):
            one.add_argument("replica", metavar="REPLICA", help="ID of the replica")
        for one in (deletion, check, repair):
            one.add_argument("--wait", action="store_true", help="wait until it has finished")
            one.add_argument("--timeout", type=float, metavar="SECONDS", help="the longest time to wait")
        for one in (listing, creation, deletion, check, repair):
            one.add_argument("--json", action="store_true", dest="is_json", help="print JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        act = options["act"]
        try:
            if act == "list":
                self._list(options)
            elif act == "create":
                self._create(options)
            elif act == "delete":
                self._delete(options)
            else:
                self._start(options, repair=act == "repair")
        except (references.ReferenceProblemError, Refused) as refusal:
            raise CommandError(str(refusal), returncode=_REFUSED) from None

    def _list(self, options: dict[str, Any]) -> None:
        found = Replica.objects.select_related("primary__account", "region", "backend").order_by("replica_id")
        if options["instance"]:
            found = found.filter(primary=references.find_instance(options["instance"]))
        rows = replica_rows.list_rows(list(found), timezone.now())
        if options["is_json"]:
            self._write_json([_as_json(row) for row in rows])
        elif not rows:
            self.stdout.write("There are no replicas.")
        else:
            self._write_table([_COLUMNS, *map(_cells, rows)])

    def _create(self, options: dict[str, Any]) -> None:
        primary = references.find_instance(options["instance"])
        form = ReplicaForm({"region": options["region"]}, primary=primary, by=None)
        if not form.is_valid():
            words = [str(message) for messages in form.errors.values() for message in messages]
            raise CommandError(" ".join(words), returncode=_REFUSED)
        self._show(form.save(timezone.now()), options)

    def _delete(self, options: dict[str, Any]) -> None:
        replica = references.find_replica(options["replica"])
        execution = deployments.remove(replica=replica, by=None, now=timezone.now())
        if execution is None or not options["wait"]:
            self._show(replica, options)
            return
        self._wait(execution, options["timeout"])
        if options["is_json"]:
            self._write_json(summarize(execution, timezone.now()))
        else:
            words = " ".join(filter(None, [reasons.text(execution.reason), execution.reason_detail]))
            self.stdout.write(f"Task {execution.pk}: {execution.status}. {words}".rstrip())
        if execution.status != Status.SUCCEEDED:
            raise SystemExit(_FAILED)

    def _start(self, options: dict[str, Any], *, repair: bool) -> None:
        replica = references.find_replica(options["replica"])
        act = replication.repair if repair else replication.check_drift
        execution = act(replica=replica, by=None, now=timezone.now())
        if options["wait"]:
            self._wait(execution, options["timeout"])
        report = getattr(execution, "drift_report", None)
        summary = summarize(execution, timezone.now())
        differences = None if report is None else report.difference_count
        if options["is_json"]:
            self._write_json({**summary, "difference_count": differences})
        else:
            words = "" if differences is None else f", {differences} differences"
            self.stdout.write(f"Task {execution.pk}: {execution.status}{words}")
        if options["wait"] and (execution.status != Status.SUCCEEDED or differences):
            raise SystemExit(_FAILED)

    def _wait(self, execution: Execution, timeout_seconds: float | None) -> None:
        deadline = None if timeout_seconds is None else time.monotonic() + timeout_seconds
        while not execution.is_final:
            if deadline is not None and time.monotonic() >= deadline:
                self.stderr.write(f"Task {execution.pk} has not finished after {timeout_seconds:g} seconds.")
                return
            time.sleep(_LOOK_SECONDS)
            execution.refresh_from_db()

    def _show(self, replica: Replica, options: dict[str, Any]) -> None:
        if options["is_json"]:
            (row,) = replica_rows.list_rows([replica], timezone.now())
            self._write_json(_as_json(row))
        else:
            self.stdout.write(f"{replica.replica_id}: {replica.status}")

    def _write_json(self, document: object) -> None:
        self.stdout.write(json.dumps(document, ensure_ascii=False, indent=2))

    def _write_table(self, rows: list[tuple[str, ...]]) -> None:
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
            self.stdout.write("  ".join(cells).rstrip())


def _cells(row: ReplicaRow) -> tuple[str, ...]:
    replica = row.replica
    lag, succeeded_at, report = row.state.lag, row.state.last_success_at, row.state.drift_report
    return (
        replica.replica_id,
        references.name_of_instance(replica.primary),
        replica.region.code,
        replica.status,
        f"{lag.artifacts_behind} ({lag.seconds_behind:.0f} s)",
        f"{succeeded_at:%Y-%m-%d %H:%M:%S}" if succeeded_at else "-",
        "-" if report is None else str(report.difference_count),
    )


def _as_json(row: ReplicaRow) -> dict[str, Any]:
    replica, state = row.replica, row.state
    report = state.drift_report
    return {
        "replica_id": replica.replica_id,
        "primary": references.name_of_instance(replica.primary),
        "primary_id": replica.primary.instance_id,
        "region": replica.region.code,
        "address": replica.address,
        "status": replica.status,
        "condition": row.condition.value,
        "artifacts_behind": state.lag.artifacts_behind,
        "seconds_behind": state.lag.seconds_behind,
        "last_success_at": state.last_success_at.isoformat() if state.last_success_at else None,
        "failed_task_id": row.failure.execution.pk if row.failure else None,
        "failed_tag_count": row.failure.tag_count if row.failure else 0,
        "drift": None
        if report is None
        else {
            "checked_at": report.checked_at.isoformat(),
            "is_complete": report.is_complete,
            "compared": report.compared_count,
            "missing": report.missing_count,
            "different": report.different_count,
            "surplus": report.surplus_count,
        },
    }
