"""The audit log: who did what to which object."""

from __future__ import annotations

from django import forms
from django.core.exceptions import PermissionDenied
from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import paging
from console.api.pages import cursored
from console.api.paging import CursorForm
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries import audit
from registries.forms.fields import MomentField
from registries.models import AuditEvent

_LONGEST_NAME = 255


class EventFilter(CursorForm):
    """The filter of the log."""

    since = MomentField(required=False, help_text="Not before this time.")
    until = MomentField(required=False, help_text="Before this time.")
    verb = forms.ChoiceField(required=False, choices=[("", ""), *((verb, verb) for verb in audit.Verb)])
    actor = forms.CharField(required=False, max_length=_LONGEST_NAME, help_text="Part of a sign-in name.")
    target = forms.CharField(
        required=False, max_length=_LONGEST_NAME, help_text="Part of the name of an object, or its ID."
    )


class AuditEventSerializer(serializers.ModelSerializer[AuditEvent]):
    """An act. `changes` are {field: [old, new]} or {field: value}."""

    account = serializers.CharField(source="account.uin", read_only=True, allow_null=True, default=None)
    changes = serializers.DictField()

    class Meta:
        model = AuditEvent
        fields = (
            "id",
            "happened_at",
            "account",
            "actor_name",
            "verb",
            "target_type",
            "target_id",
            "target_name",
            "changes",
            "ip_address",
        )


class AuditLog(ApiView):
    """The log."""

    @extend_schema(parameters=query(EventFilter), responses=cursored(AuditEventSerializer))
    def get(self, request: Request) -> Response:
        """List audit events, the newest first. Owners and administrators of the account may."""
        if not access.can_read_audit(user_of(request)):
            raise PermissionDenied(
                _("Only owners and administrators of the account may see what was done in it.")
            )
        values = paging.parameters(request, EventFilter)
        names = ("since", "until", "verb", "actor", "target")
        rows = audit.list_events(user_of(request), **{name: values[name] for name in names})
        page = paging.by_cursor(
            request,
            values,
            rows.select_related("account"),
            lambda found: AuditEventSerializer(found, many=True).data,
            time_field="happened_at",
        )
        return Response(page)
