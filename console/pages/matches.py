"""What a rule would match at its source, in its form while it is filled in; without JavaScript after a button."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from console.shared import forms, htmx, registry_failures
from console.shared.access import Request
from registries.models import Instance
from registries.oci.errors import RegistryError
from registries.policies import Refused
from registries.services.snapshots import MAX_AGE
from syncjobs.forms import RuleForm
from syncjobs.models import Rule
from syncjobs.selection_form import SelectionForm
from syncjobs.services import matches

_NOW = timedelta(0)


def are_wanted(request: HttpRequest) -> bool:
    """Tell whether the form of a rule was sent to see what matches; nothing else in it counts yet."""
    return request.method == "POST" and "match" in request.POST


def show(request: Request, page: str, source: Instance, rule: Rule | None = None) -> HttpResponse:
    """
    Show what the typed filters match: to htmx the fragment, else the page of the form as it was filled in.

    Lists are read anew if the form asks so (`match=anew`), else they may be some minutes old.
    """
    context: dict[str, Any] = {"source": source, "rule": rule, "name": rule and rule.name} | _find(
        request, source
    )
    if not request.htmx:
        values = forms.typed(RuleForm, request.POST)
        context["form"] = RuleForm(source=source, by=request.user, instance=rule, initial=values)
    return htmx.render(request, page, context, matches="rules/_matches.html")


def _find(request: Request, source: Instance) -> dict[str, Any]:
    selection_form = SelectionForm(request.POST, by=request.user)
    if not selection_form.is_valid():
        return {"selection_form": selection_form}
    max_age = _NOW if request.POST["match"] == "anew" else MAX_AGE
    try:
        found = matches.find(
            source=source,
            selection=selection_form.selection,
            by=request.user,
            now=timezone.now(),
            max_age=max_age,
        )
    except (RegistryError, Refused) as error:
        return {"failure": registry_failures.explain(error, source)}
    return {"matches": found, "namespace": selection_form.selection.namespace}
