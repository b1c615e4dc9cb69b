"""The log of a rule or a replica: its filter, and its lines as CSV. Source: seeds 000 to 002 and 004."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.http import StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.shared import csv_export, wording
from console.shared.days import DaysForm
from registries.models import Replica
from syncjobs import reasons
from syncjobs.models import Rule, Trigger
from syncjobs.models.execution import STATUS_CHOICES
from syncjobs.queries import executions as execution_queries
from syncjobs.queries.executions import ExecutionRow
from syncjobs.queries.rows import Rows


class FilterForm(DaysForm):
    """The filter of a log."""

    field_order = ("status", "trigger")

    status = forms.ChoiceField(
        label=gettext_lazy("Status"),
        required=False,
        choices=[("", gettext_lazy("Any status")), *STATUS_CHOICES],
    )
    trigger = forms.ChoiceField(
        label=gettext_lazy("Trigger"),
        required=False,
        choices=[("", gettext_lazy("Any trigger")), *Trigger.choices],
    )

    @property
    def is_filtered(self) -> bool:
        """Whether the URL narrows anything."""
        return any(self.data.get(name) for name in self.fields)

    def find(self, of: Rule | Replica, now: datetime) -> Rows[ExecutionRow]:
        """Return the executions of the rule or replica; a field that is no value of its kind narrows nothing."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        return execution_queries.list_executions(
            of=of,
            now=now,
            status=values.get("status", ""),
            trigger=values.get("trigger", ""),
            since=self.begins_at,
            until=self.ends_at,
        )


def export(filename: str, rows: Rows[ExecutionRow]) -> StreamingHttpResponse:
    """Return the lines of a log as CSV."""
    header = [
        _("Task ID"),
        _("Creation time"),
        _("Time spent"),
        _("Success rate"),
        _("Number of synced repositories"),
        _("Synchronization status"),
        _("Trigger"),
        _("Copied tags"),
        _("Tags up to date"),
        _("Skipped tags"),
        _("Failed tags"),
        _("Deleted tags"),
        _("Bytes"),
        _("Reason"),
    ]
    return csv_export.respond(filename, header, _lines(rows))


def _lines(rows: Rows[ExecutionRow]) -> Iterator[list[object]]:
    for row in rows.in_batches():
        execution = row.execution
        yield [
            execution.pk,
            timezone.localtime(execution.created_at).isoformat(sep=" ", timespec="seconds"),
            None if row.duration is None else round(row.duration.total_seconds(), 3),
            wording.percent(row.success_ratio),
            execution.repository_count,
            execution.get_status_display(),
            execution.get_trigger_display(),
            execution.copied_count,
            execution.up_to_date_count,
            execution.skipped_count,
            execution.failed_count,
            execution.deleted_count,
            execution.bytes_copied,
            " ".join(filter(None, [reasons.text(execution.reason), execution.reason_detail])),
        ]
