"""The audit log: who did what to which object, for an account's administrators and the platform's staff."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from console.shared import access, csv_export, htmx, keyset, verbs
from console.shared.access import Request
from console.shared.days import DaysForm
from registries import audit, permissions
from registries.models import AuditEvent
from registries.models.audit_event import AuditEventQuerySet

_TIME = "happened_at"
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an event; `old` is None where the event tells a value and no change of one."""

    name: str
    old: str | None
    new: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event as the table shows it."""

    event: AuditEvent
    verb: str
    changes: list[Change]


class FilterForm(DaysForm):
    """The filter of the log."""

    verb = forms.ChoiceField(label=gettext_lazy("Act"), required=False)
    actor = forms.CharField(label=gettext_lazy("Actor"), required=False, max_length=_LONGEST_NAME)
    object = forms.CharField(label=gettext_lazy("Object"), required=False, max_length=_LONGEST_NAME)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [("", _("Any act")), *((verb.value, verbs.label(verb)) for verb in audit.Verb)]
        self.fields["verb"].choices = choices  # type: ignore[attr-defined]

    def find(self, request: Request) -> AuditEventQuerySet:
        """Return the events that the user may see; a field that is no value of its kind narrows nothing."""
        self.is_valid()
        values: dict[str, Any] = self.cleaned_data
        return audit.list_events(
            request.user,
            since=self.begins_at,
            until=self.ends_at,
            verb=values.get("verb", ""),
            actor=values.get("actor", ""),
            target=values.get("object", ""),
        )


@require_safe
def list_page(request: Request) -> HttpResponse:
    """Show the log, filtered as the URL says."""
    _check_may_read(request)
    form = FilterForm(request.GET)
    window = keyset.turn(request, form.find(request).select_related("account"), time_field=_TIME)
    context = {
        "filter": form,
        "is_filtered": any(request.GET.get(name) for name in form.fields),
        "rows": [describe(event) for event in window.rows],
        "window": window,
        "is_platform": permissions.is_platform(request.user),
    }
    return htmx.render(request, "audit/list.html", context, audit_table="audit/_table.html")


@require_safe
def export(request: Request) -> StreamingHttpResponse:
    """Send the log, filtered like the page, as CSV."""
    _check_may_read(request)
    events = FilterForm(request.GET).find(request).select_related("account")
    header = [
        _("Time"),
        _("Actor"),
        _("Act"),
        _("Object type"),
        _("Object"),
        _("Object ID"),
        _("Account ID"),
        _("Address"),
        _("Changes"),
    ]
    return csv_export.respond("audit.csv", header, _csv_rows(keyset.in_batches(events, time_field=_TIME)))


def describe(event: AuditEvent) -> EventRow:
    """Return the event with its verb in words and its changes as text."""
    changes = event.changes if isinstance(event.changes, dict) else {}
    return EventRow(event, verbs.label(event.verb), [_change(name, value) for name, value in changes.items()])


def _change(name: str, value: object) -> Change:
    """Read {field: [old, new]} and {field: value}; a list of another length is a value."""
    if isinstance(value, list) and len(value) == 2:
        return Change(name, str(value[0]), str(value[1]))
    return Change(name, None, ", ".join(map(str, value)) if isinstance(value, list) else str(value))


def _check_may_read(request: Request) -> None:
    if not access.can_read_audit(request.user):
        raise PermissionDenied(
            _("Only owners and administrators of the account may see what was done in it.")
        )


def _csv_rows(events: Iterable[AuditEvent]) -> Iterator[list[object]]:
    for event in events:
        yield [
            timezone.localtime(event.happened_at).isoformat(sep=" ", timespec="seconds"),
            event.actor_name,
            event.verb,
            event.target_type,
            event.target_name,
            event.target_id,
            event.account.uin if event.account else None,
            event.ip_address,
            json.dumps(event.changes, ensure_ascii=False) if event.changes else None,
        ]
