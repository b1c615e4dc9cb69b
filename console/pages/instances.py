"""The instances of an account: list, detail, and the forms that create, change and delete one."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from console.shared import access, errors, forms, htmx, pagination
from console.shared.access import Request
from registries import permissions
from registries.forms import InstanceForm
from registries.models import Instance, Permission
from registries.services import instances
from syncjobs.queries import executions as execution_queries
from syncjobs.queries import rules as rule_queries

_RULES_SHOWN = 10
_SORTS = ("name", "edition", "region__code", "created_at")


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the visible instances, searched and sorted as the URL says."""
    search = pagination.search_of(request)
    sort = pagination.sort_of(request, _SORTS)
    found = Instance.objects.visible_to(request.user).select_related("region", "backend", "account")
    if search:
        columns = (
            "name",
            "instance_id",
            "endpoint_url",
            "region__code",
            "region__name_en",
            "region__name_zh",
        )
        matches = Q()
        for column in columns:
            matches |= Q(**{f"{column}__icontains": search})
        found = found.filter(matches)
    found = found.annotate(rule_count=Count("rules")).order_by(sort, "name")
    context = {
        "page": pagination.paginate(request, found),
        "search": search,
        "sort": sort,
        "can_create": access.can_create_instances(request.user),
    }
    return htmx.render(request, "instances/list.html", context, instances_table="instances/_table.html")


@require_safe
def detail(request: Request, instance_id: str) -> HttpResponse:
    """Show one instance, its rules and its latest executions."""
    instance = access.get_instance_or_404(request.user, instance_id)
    now = timezone.now()
    rules = rule_queries.list_rules(source=instance)
    latest = instance.executions.select_related("rule", "source", "replica__region").order_by("-id")[:10]
    context = {
        "instance": instance,
        "can_manage": permissions.can(request.user, Permission.MANAGE, instance),
        "rule_rows": rules[:_RULES_SHOWN],
        "rule_count": rules.count(),
        "recent": execution_queries.describe_executions(latest, now),
    }
    return render(request, "instances/detail.html", context)


@require_http_methods(["GET", "POST"])
def create(request: Request) -> HttpResponse:
    """Connect a registry as a new instance of the user's account."""
    account = request.user.account
    if account is None:
        raise PermissionDenied(_("Staff of the platform have no account. Sign in as a user of one."))
    permissions.check_can_administer(request.user, account)
    form = InstanceForm(forms.posted(request), account=account, by=request.user)
    instance = forms.save(form, form.save)
    if instance:
        messages.success(request, _("Instance %(name)s is created.") % {"name": instance})
        return redirect("instances:detail", instance.instance_id)
    form.mark_regions_without_room()
    return render(request, "instances/create.html", {"form": form})


@require_http_methods(["GET", "POST"])
def update(request: Request, instance_id: str) -> HttpResponse:
    """Change an instance."""
    instance = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.MANAGE, instance)
    name = instance.name
    form = InstanceForm(forms.posted(request), account=instance.account, by=request.user, instance=instance)
    if forms.save(form, form.save):
        messages.success(request, _("Instance %(name)s is saved.") % {"name": instance})
        return redirect("instances:detail", instance_id)
    return render(request, "instances/update.html", {"form": form, "instance": instance, "name": name})


@require_http_methods(["GET", "POST"])
def delete(request: Request, instance_id: str) -> HttpResponse:
    """Say what stands in the way of deleting the instance; if nothing does, ask for its name and delete it."""
    instance = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.MANAGE, instance)
    form = forms.ConfirmationForm(forms.posted(request), name=instance.name)
    if form.is_valid():
        with errors.RefusalsAsMessages(request):
            instances.delete(instance=instance, by=request.user, now=timezone.now())
            messages.success(request, _("Instance %(name)s is deleted.") % {"name": instance.name})
            return redirect("instances:list")
        return redirect("instances:detail", instance_id)
    obstacles = instances.list_obstacles(instance=instance, now=timezone.now())
    context = {"form": form, "instance": instance, "obstacles": obstacles}
    return htmx.render(request, "instances/delete.html", context, dialog="instances/_delete.html")
