"""Synchronization: the rules of a source instance, and what can be done with one; source: seeds 000 to 002."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from console.pages import matches, previews
from console.shared import access, errors, forms, htmx, instance_choice, pagination
from console.shared.access import Request
from registries import permissions
from registries.models import Instance, Permission
from registries.policies import RULE_EDITIONS
from syncjobs.forms import RuleForm
from syncjobs.models import Rule
from syncjobs.queries import rules as rule_queries
from syncjobs.queries.warnings import find_warning
from syncjobs.services import rules

_RULES_SHOWN = 25
_STATES = {"enabled": True, "disabled": False}


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the region and instance selectors and the rules of the chosen instance."""
    choice = instance_choice.choose(request)
    search = pagination.search_of(request)
    state = request.GET.get("state", "")
    sort = pagination.sort_of(request, rule_queries.SORTS)
    context = {"choice": choice, "search": search, "state": state, "sort": sort}
    context["can_create"] = access.can_create_instances(request.user)
    if choice.instance:
        found = rule_queries.list_rules(
            source=choice.instance, search=search, is_enabled=_STATES.get(state), sort=sort
        )
        page = pagination.paginate(request, found, size=_RULES_SHOWN)
        context |= {
            "page": page,
            "is_active": any(row.last_run and not row.last_run.is_final for row in page),
            "can_synchronize": permissions.can(request.user, Permission.SYNCHRONIZE, choice.instance),
            "has_rules_edition": choice.instance.edition in RULE_EDITIONS,
        }
    return htmx.render(request, "rules/list.html", context, rules_table="rules/_table.html")


@require_http_methods(["GET", "POST"])
def create(request: Request, instance_id: str) -> HttpResponse:
    """Create a rule whose source is this instance, or show what it would do."""
    source = access.get_instance_or_404(request.user, instance_id)
    permissions.check(request.user, Permission.SYNCHRONIZE, source)
    if matches.are_wanted(request):
        return matches.show(request, "rules/create.html", source)
    form = RuleForm(forms.posted(request), source=source, by=request.user)
    context: dict[str, Any] = {"form": form, "source": source}
    if previews.is_wanted(request):
        context["preview"] = forms.save(form, form.preview)
    elif rule := forms.save(form, form.save):
        messages.success(request, _("Rule %(name)s is created.") % {"name": rule})
        return redirect(_list_url(source))
    return htmx.render(request, "rules/create.html", context)


@require_http_methods(["GET", "POST"])
def update(request: Request, rule_id: int) -> HttpResponse:
    """Re-configure a rule, or show what it would do then."""
    rule = access.get_rule_or_404(request.user, rule_id)
    permissions.check(request.user, Permission.SYNCHRONIZE, rule.source)
    name = rule.name
    if matches.are_wanted(request):
        return matches.show(request, "rules/update.html", rule.source, rule)
    form = RuleForm(forms.posted(request), source=rule.source, by=request.user, instance=rule)
    context: dict[str, Any] = {"form": form, "source": rule.source, "rule": rule, "name": name}
    if previews.is_wanted(request):
        context["preview"] = forms.save(form, form.preview)
    elif forms.save(form, form.save):
        messages.success(request, _("Rule %(name)s is saved.") % {"name": rule})
        return redirect(_list_url(rule.source))
    context["warning"] = find_warning(rule, timezone.now())
    return htmx.render(request, "rules/update.html", context)


@require_POST
def enable(request: Request, rule_id: int) -> HttpResponse:
    """Switch a rule on."""
    return _switch(request, rule_id, is_enabled=True)


@require_POST
def disable(request: Request, rule_id: int) -> HttpResponse:
    """Switch a rule off."""
    return _switch(request, rule_id, is_enabled=False)


@require_POST
def trigger(request: Request, rule_id: int) -> HttpResponse:
    """Start a manual execution of a rule."""
    rule = access.get_rule_or_404(request.user, rule_id)
    with errors.RefusalsAsMessages(request):
        execution = rules.trigger(rule=rule, by=request.user, now=timezone.now())
        started = _("Task %(id)s of rule %(name)s is started.") % {"id": execution.pk, "name": rule}
        url = reverse("executions:detail", args=[execution.pk])
        messages.success(request, format_html('{} <a href="{}">{}</a>', started, url, _("Watch it")))
    return htmx.redirect_back(request, fallback=_list_url(rule.source))


@require_http_methods(["GET", "POST"])
def delete(request: Request, rule_id: int) -> HttpResponse:
    """Ask for the rule's name, and delete it."""
    rule = access.get_rule_or_404(request.user, rule_id)
    permissions.check(request.user, Permission.SYNCHRONIZE, rule.source)
    form = forms.ConfirmationForm(forms.posted(request), name=rule.name)
    if form.is_valid():
        with errors.RefusalsAsMessages(request):
            rules.delete(rule=rule, by=request.user, now=timezone.now())
            messages.success(request, _("Rule %(name)s is deleted.") % {"name": rule})
        return redirect(_list_url(rule.source))
    return htmx.render(
        request, "rules/delete.html", {"form": form, "rule": rule}, dialog="rules/_delete.html"
    )


def _switch(request: Request, rule_id: int, *, is_enabled: bool) -> HttpResponse:
    rule: Rule = access.get_rule_or_404(request.user, rule_id)
    with errors.RefusalsAsMessages(request):
        rules.set_enabled(rule=rule, is_enabled=is_enabled, by=request.user, now=timezone.now())
        text = _("Rule %(name)s is enabled.") if is_enabled else _("Rule %(name)s is disabled.")
        messages.success(request, text % {"name": rule})
    return htmx.redirect_back(request, fallback=_list_url(rule.source))


def _list_url(source: Instance) -> str:
    return f"{reverse('rules:list')}?instance={source.instance_id}"
