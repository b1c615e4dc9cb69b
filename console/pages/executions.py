"""Synchronization logs: the executions of a rule, and one of them in detail; source: seeds 000 to 002."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from console.shared import access, csv_export, days, errors, htmx, pagination, wording
from console.shared.access import Request
from registries import permissions
from registries.models import Permission
from syncjobs import reasons
from syncjobs.models import Execution, OutcomeStatus, Rule, Trigger
from syncjobs.models.execution import STATUS_CHOICES
from syncjobs.queries import executions as execution_queries
from syncjobs.queries.executions import ExecutionRow, ExecutionSummary
from syncjobs.queries.rows import Rows
from syncjobs.queries.warnings import find_warning
from syncjobs.services import executions

_TAGS_SHOWN = 25
_TAG_STATES = (OutcomeStatus.FAILED, OutcomeStatus.SKIPPED, OutcomeStatus.COPIED, OutcomeStatus.DELETED)


class FilterForm(forms.Form):
    """The filter of a log; dates are days of the user's time zone, the last one included."""

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
    since = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("To"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def find(self, rule: Rule, now: datetime) -> Rows[ExecutionRow]:
        """Return the executions of the rule; a field that is no value of its kind narrows nothing."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        return execution_queries.list_executions(
            rule=rule,
            now=now,
            status=values.get("status", ""),
            trigger=values.get("trigger", ""),
            since=days.start_of(values.get("since")),
            until=days.start_of(values.get("until"), days_later=1),
        )


@require_safe
def list_page(request: Request, rule_id: int) -> HttpResponse:
    """Show the log of a rule."""
    rule = access.get_rule_or_404(request.user, rule_id)
    form = FilterForm(request.GET)
    page = pagination.paginate(request, form.find(rule, timezone.now()))
    context = {
        "rule": rule,
        "warning": find_warning(rule, timezone.now()),
        "filter": form,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "page": page,
        "is_active": any(not row.execution.is_final for row in page),
        "can_synchronize": permissions.can(request.user, Permission.SYNCHRONIZE, rule.source),
    }
    return htmx.render(request, "executions/list.html", context, executions_table="executions/_table.html")


@require_safe
def export(request: Request, rule_id: int) -> StreamingHttpResponse:
    """Send the log of a rule, filtered like the page, as CSV."""
    rule = access.get_rule_or_404(request.user, rule_id)
    rows = FilterForm(request.GET).find(rule, timezone.now())
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
        _("Bytes"),
        _("Reason"),
    ]
    filename = f"synchronization-logs-{rule.source.instance_id}-{rule.pk}.csv"
    return csv_export.respond(filename, header, _csv_rows(rows))


@require_safe
def detail(request: Request, execution_id: int) -> HttpResponse:
    """Show one execution: its summary, its repositories, and the tags worth a look."""
    execution = access.get_execution_or_404(request.user, execution_id)
    summary = execution_queries.summarize(execution, timezone.now())
    state = request.GET.get("state", "")
    tag_state = _tag_state(request, summary)
    job_id = request.GET.get("repository", "")
    outcomes = execution_queries.list_outcomes(
        execution, status=tag_state, job_id=int(job_id) if job_id.isdecimal() and len(job_id) < 19 else None
    )
    can_synchronize = permissions.can(request.user, Permission.SYNCHRONIZE, execution.source)
    context = {
        "execution": execution,
        "summary": summary,
        "state": state,
        "states": [(value, label, summary.repositories[value]) for value, label in STATUS_CHOICES],
        "jobs": pagination.paginate(request, execution_queries.list_jobs(execution, status=state)),
        "tag_state": tag_state,
        "tag_states": [(value, value.label, getattr(summary.counts, value)) for value in _TAG_STATES],
        "outcomes": pagination.paginate(request, outcomes, parameter="tags_page", size=_TAGS_SHOWN),
        "repository": job_id,
        "can_stop": can_synchronize and not execution.is_final,
        "can_retry": can_synchronize and execution.is_final and summary.retryable_count,
    }
    return htmx.render(
        request, "executions/detail.html", context, execution_progress="executions/_progress.html"
    )


@require_POST
def stop(request: Request, execution_id: int) -> HttpResponse:
    """Stop an execution."""
    execution = access.get_execution_or_404(request.user, execution_id)
    with errors.RefusalsAsMessages(request):
        executions.stop(execution=execution, by=request.user, now=timezone.now())
        _confirm(request, execution, _("Task %(id)s is being stopped."))
    return htmx.redirect_back(request, fallback=reverse("executions:detail", args=[execution_id]))


@require_POST
def retry(request: Request, execution_id: int) -> HttpResponse:
    """Run the failed and stopped repositories of an execution again."""
    execution = access.get_execution_or_404(request.user, execution_id)
    with errors.RefusalsAsMessages(request):
        executions.retry_failed(execution=execution, by=request.user, now=timezone.now())
        _confirm(request, execution, _("What failed in task %(id)s is tried again."))
    return htmx.redirect_back(request, fallback=reverse("executions:detail", args=[execution_id]))


def _tag_state(request: Request, summary: ExecutionSummary) -> str:
    """Return the chosen kind of outcome, or the first that this execution has: failures, if there are any."""
    asked = request.GET.get("tags", "")
    if asked in OutcomeStatus.values:
        return asked
    present = (state.value for state in _TAG_STATES if getattr(summary.counts, state.value))
    return next(present, OutcomeStatus.FAILED.value)


def _confirm(request: Request, execution: Execution, text: str) -> None:
    messages.success(request, text % {"id": execution.pk})


def _csv_rows(rows: Rows[ExecutionRow]) -> Iterator[list[object]]:
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
            execution.bytes_copied,
            " ".join(filter(None, [reasons.text(execution.reason), execution.reason_detail])),
        ]
