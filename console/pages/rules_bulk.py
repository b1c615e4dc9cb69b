"""One act on several rules of the table: each goes through its service, as if it were done alone."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime

from django.contrib import messages
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from console.shared import access, errors, forms, htmx
from console.shared.access import Request
from registries import permissions
from registries.models import Permission, User
from syncjobs.models import Rule
from syncjobs.services import rules

_MOST_AT_ONCE = 200
_CONFIRMATION = "delete"

_ACTS: dict[str, Callable[[Rule, User, datetime], object]] = {
    "enable": lambda rule, by, now: rules.set_enabled(rule=rule, is_enabled=True, by=by, now=now),
    "disable": lambda rule, by, now: rules.set_enabled(rule=rule, is_enabled=False, by=by, now=now),
    "trigger": lambda rule, by, now: rules.trigger(rule=rule, by=by, now=now),
    "delete": lambda rule, by, now: rules.delete(rule=rule, by=by, now=now),
}


@require_POST
def bulk(request: Request) -> HttpResponse:
    """
    Do what `act` names to every rule whose id is given as `rule`, and say in one message how it went.

    Ids that the user may not see count as not found, and it is a 404 if no other is given. A deletion asks first.
    """
    act = request.POST.get("act", "")
    if act not in _ACTS:
        raise BadRequest
    ids = set(request.POST.getlist("rule"))
    back = htmx.redirect_back(request, fallback=reverse("rules:list"))
    if not ids:
        messages.error(request, _("Choose rules first."))
    elif len(ids) > _MOST_AT_ONCE:
        messages.error(request, _("Choose at most %(count)d rules at once.") % {"count": _MOST_AT_ONCE})
    elif not (found := access.find_rules(request.user, ids)):
        raise Http404
    elif act == "delete" and (question := _ask(request, found, back.url)):
        return question
    else:
        _act_on_each(request, act, found, missing_count=len(ids) - len(found))
    return back


def _ask(request: Request, found: list[Rule], back: str) -> HttpResponse | None:
    """Return the page that asks whether to delete the rules, or None once that is confirmed."""
    sources = {rule.source for rule in found}
    if not any(permissions.can(request.user, Permission.SYNCHRONIZE, source) for source in sources):
        raise PermissionDenied(_("Your role does not allow this on this instance."))
    form = forms.ConfirmationForm(request.POST if "name" in request.POST else None, name=_CONFIRMATION)
    if form.is_valid():
        return None
    return render(request, "rules/bulk_delete.html", {"form": form, "rules": found, "back": back})


def _act_on_each(request: Request, act: str, found: list[Rule], *, missing_count: int) -> None:
    done_count = 0
    refused: dict[str, list[str]] = defaultdict(list)
    for rule in found:
        try:
            _ACTS[act](rule, request.user, timezone.now())
        except errors.REFUSALS as refusal:
            refused[errors.reason_of(refusal)].append(rule.name)
        else:
            done_count += 1
    said = [_describe_done(act, done_count)] if done_count else []
    for reason, names in refused.items():
        said.append(_("Not done for %(names)s: %(reason)s") % {"names": ", ".join(names), "reason": reason})
    if missing_count:
        text = ngettext("%(count)d rule was not found.", "%(count)d rules were not found.", missing_count)
        said.append(text % {"count": missing_count})
    level = messages.ERROR if refused or missing_count else messages.SUCCESS
    messages.add_message(request, level, " ".join(said))


def _describe_done(act: str, count: int) -> str:
    texts = {
        "enable": ngettext("%(count)d rule is enabled.", "%(count)d rules are enabled.", count),
        "disable": ngettext("%(count)d rule is disabled.", "%(count)d rules are disabled.", count),
        "trigger": ngettext("%(count)d rule is triggered.", "%(count)d rules are triggered.", count),
        "delete": ngettext("%(count)d rule is deleted.", "%(count)d rules are deleted.", count),
    }
    return texts[act] % {"count": count}
