"""Instance replication: the replicas of a premium instance, and what can be done with one; source: seed 004."""

from __future__ import annotations

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.shared import access, errors, execution_log, forms, htmx, instance_choice, pagination
from console.shared.access import Request
from console.shared.execution_log import FilterForm
from registries import permissions
from registries.models import Instance, Permission
from registries.policies import REPLICA_EDITIONS
from syncjobs.models import Execution
from syncjobs.queries import create_tasks, replica_rows
from syncjobs.replica_form import ReplicaForm, list_possible_regions
from syncjobs.services import deployments, replication

_REPORTS_SHOWN = 10


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the region and instance selectors and the replicas of the chosen instance."""
    choice = instance_choice.choose(request)
    context = {"choice": choice, "can_create": access.can_create_instances(request.user)}
    if choice.instance:
        found = choice.instance.replicas.select_related("region", "backend", "primary__region")
        now = timezone.now()
        rows = replica_rows.list_rows(list(found.order_by("region__numeric_id")), now)
        context |= {
            "rows": rows,
            "removals": replica_rows.list_removals(choice.instance, now),
            "is_active": any(row.state.active_scan for row in rows),
            "has_replicas_edition": choice.instance.edition in REPLICA_EDITIONS,
            **_rights(request, choice.instance),
        }
    return htmx.render(request, "replicas/list.html", context, replicas_table="replicas/_table.html")


@require_http_methods(["GET", "POST"])
def create(request: Request, instance_id: str) -> HttpResponse:
    """Create a replica of this instance."""
    primary = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.MANAGE, primary)
    form = ReplicaForm(forms.posted(request), primary=primary, by=request.user)
    replica = forms.save(form, form.save)
    if replica:
        text = _("The replica in %(region)s is being deployed.") % {"region": replica.region.name}
        messages.success(request, text)
        return redirect(_list_url(primary))
    form.offer_possible_regions()
    context = {"form": form, "primary": primary, "has_regions": bool(list_possible_regions(primary))}
    return htmx.render(request, "replicas/create.html", context)


@require_safe
def detail(request: Request, replica_id: str) -> HttpResponse:
    """Show one replica: how it came to be, how far behind it was, and what the last drift checks found."""
    replica = access.get_replica_or_404(request.user, replica_id)
    (row,) = replica_rows.list_rows([replica], timezone.now())
    tasks = create_tasks.list_tasks(replica)
    context = {
        "replica": replica,
        "row": row,
        "is_active": row.state.active_scan is not None,
        "tasks": tasks,
        "tasks_status": create_tasks.overall(tasks),
        "reports": replica.drift_reports.select_related("execution").order_by("-id")[:_REPORTS_SHOWN],
        **_rights(request, replica.primary),
    }
    return htmx.render(request, "replicas/detail.html", context, replica_live="replicas/_live.html")


@require_http_methods(["GET", "POST"])
def delete(request: Request, replica_id: str) -> HttpResponse:
    """Ask for the replica's ID, and delete it with its content."""
    replica = access.get_replica_or_404(request.user, replica_id)
    permissions.check(request.user, Permission.MANAGE, replica.primary)
    form = forms.ConfirmationForm(forms.posted(request), name=replica.replica_id)
    if form.is_valid():
        with errors.RefusalsAsMessages(request):
            deployments.remove(replica=replica, by=request.user, now=timezone.now())
            text = _("The replica in %(region)s is being deleted.") % {"region": replica.region.name}
            messages.success(request, text)
        return redirect(_list_url(replica.primary))
    context = {"form": form, "replica": replica}
    return htmx.render(request, "replicas/delete.html", context, dialog="replicas/_delete.html")


@require_POST
def check_drift(request: Request, replica_id: str) -> HttpResponse:
    """Compare all digests of the replica with those of its primary."""
    return _start(request, replica_id, replication.check_drift, _("The replica is being compared."))


@require_POST
def repair(request: Request, replica_id: str) -> HttpResponse:
    """Make the replica equal to its primary."""
    return _start(request, replica_id, replication.repair, _("The replica is being repaired."))


@require_safe
def logs(request: Request, replica_id: str) -> HttpResponse:
    """Show the replication logs of a replica."""
    replica = access.get_replica_or_404(request.user, replica_id)
    form = FilterForm(request.GET)
    page = pagination.paginate(request, form.find(replica, timezone.now()))
    context = {
        "replica": replica,
        "filter": form,
        "is_filtered": form.is_filtered,
        "page": page,
        "is_active": any(not row.execution.is_final for row in page),
    }
    return htmx.render(request, "replicas/logs.html", context, executions_table="executions/_table.html")


@require_safe
def export(request: Request, replica_id: str) -> StreamingHttpResponse:
    """Send the replication logs of a replica, filtered like the page, as CSV."""
    replica = access.get_replica_or_404(request.user, replica_id)
    rows = FilterForm(request.GET).find(replica, timezone.now())
    return execution_log.export(f"replication-logs-{replica.replica_id}.csv", rows)


def _start(request: Request, replica_id: str, act: Callable[..., Execution], started: str) -> HttpResponse:
    replica = access.get_replica_or_404(request.user, replica_id)
    with errors.RefusalsAsMessages(request):
        execution = act(replica=replica, by=request.user, now=timezone.now())
        url = reverse("executions:detail", args=[execution.pk])
        messages.success(request, format_html('{} <a href="{}">{}</a>', started, url, _("Watch it")))
    return htmx.redirect_back(request, fallback=_list_url(replica.primary))


def _rights(request: Request, primary: Instance) -> dict[str, bool]:
    return {
        "can_manage": permissions.can(request.user, Permission.MANAGE, primary),
        "can_synchronize": permissions.can(request.user, Permission.SYNCHRONIZE, primary),
    }


def _list_url(primary: Instance) -> str:
    return f"{reverse('replicas:list')}?instance={primary.instance_id}"
