"""Synchronization logs: the executions of a rule, and one of them in detail; source: seeds 000 to 002."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as _lazy
from django.views.decorators.http import require_POST, require_safe

from console.shared import access, errors, execution_log, htmx, pagination
from console.shared.access import Request
from console.shared.execution_log import FilterForm
from registries import permissions
from registries.models import Permission
from syncjobs.models import Execution, OutcomeStatus
from syncjobs.models.execution import STATUS_CHOICES
from syncjobs.queries import executions as execution_queries
from syncjobs.queries.executions import ExecutionSummary
from syncjobs.queries.warnings import find_warning
from syncjobs.services import executions

_JOBS_SHOWN = 25
_TAGS_SHOWN = 25
_TAG_STATES: tuple[tuple[str, str | Promise], ...] = (
    (OutcomeStatus.FAILED.value, OutcomeStatus.FAILED.label),
    ("waiting", _lazy("Waiting")),
    *(
        (state.value, state.label)
        for state in (OutcomeStatus.SKIPPED, OutcomeStatus.COPIED, OutcomeStatus.DELETED)
    ),
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
        "is_filtered": form.is_filtered,
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
    return execution_log.export(f"synchronization-logs-{rule.source.instance_id}-{rule.pk}.csv", rows)


@require_safe
def detail(request: Request, execution_id: int) -> HttpResponse:
    """Show one execution: its summary, its repositories, and the tags worth a look."""
    execution = access.get_execution_or_404(request.user, execution_id)
    request.section = "rules" if execution.rule_id else "replicas"
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
        "jobs": pagination.paginate(
            request, execution_queries.list_jobs(execution, status=state), size=_JOBS_SHOWN
        ),
        "tag_state": tag_state,
        "tag_states": [(value, label, getattr(summary.counts, value)) for value, label in _TAG_STATES],
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
        _confirm(request, execution, _("What failed or was stopped in task %(id)s is tried again."))
    return htmx.redirect_back(request, fallback=reverse("executions:detail", args=[execution_id]))


def _tag_state(request: Request, summary: ExecutionSummary) -> str:
    """Return the chosen kind of outcome, or the first that this execution has: failures, if there are any."""
    asked = request.GET.get("tags", "")
    states = [value for value, _label in _TAG_STATES]
    if asked in states:
        return asked
    present = (value for value in states if getattr(summary.counts, value))
    return next(present, OutcomeStatus.FAILED.value)


def _confirm(request: Request, execution: Execution, text: str) -> None:
    messages.success(request, text % {"id": execution.pk})
