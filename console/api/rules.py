"""Synchronization rules: configured, switched, triggered and previewed; source: seeds 000 to 002."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from console.api import bodies, idempotency, paging, preconditions
from console.api.bodies import FormBody
from console.api.executions import ExecutionSerializer
from console.api.pages import numbered
from console.api.paging import PageForm, choices_of
from console.api.schema import query
from console.api.view import ApiView, user_of
from console.shared import access
from registries import permissions
from registries.models import Permission
from syncjobs import reasons
from syncjobs.forms import STORED_FIELDS, RuleForm, values_of
from syncjobs.models import Rule
from syncjobs.queries import rules as rule_queries
from syncjobs.queries.rules import RuleRow
from syncjobs.services import previews, rules

_IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="The ETag of the version that is changed."
)
_KEY = OpenApiParameter(
    idempotency.HEADER,
    {"type": "string", "maxLength": 200, "pattern": "^[!-~]+$"},
    OpenApiParameter.HEADER,
    description="Whatever names this request: repeated under the same key, it does nothing twice.",
)


class RuleFilter(PageForm):
    """The filter of the list."""

    search = forms.CharField(required=False, max_length=200, help_text="Part of a name, namespace or filter.")
    source = forms.CharField(required=False, max_length=12, help_text="ID of a source instance.")
    is_enabled = forms.ChoiceField(required=False, choices=[("", ""), ("true", ""), ("false", "")])
    ordering = forms.ChoiceField(required=False, choices=choices_of(rule_queries.SORTS))


class RunSerializer(serializers.Serializer[Any]):
    """The latest execution of a rule."""

    id = serializers.IntegerField()
    status = serializers.CharField()
    trigger = serializers.CharField()
    created_at = serializers.DateTimeField()


class WarningSerializer(serializers.Serializer[Any]):
    """What stands in the way of a cross-tenant rule, or from when on it will."""

    reason = serializers.CharField(allow_blank=True)
    text = serializers.CharField(allow_blank=True)
    ends_at = serializers.DateTimeField(allow_null=True)


_RUN = RunSerializer()


class RuleSerializer(serializers.ModelSerializer[Rule]):
    """A rule. The password of a cross-tenant one is never shown."""

    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes declared fields away
        source="source.instance_id", read_only=True
    )
    target = serializers.SerializerMethodField(help_text="Instance ID; null for a cross-tenant rule.")
    last_execution = serializers.SerializerMethodField()
    warning = serializers.SerializerMethodField()

    class Meta:
        model = Rule
        fields = (
            "id",
            "source",
            *STORED_FIELDS,
            "target_instance_id",
            "next_run_at",
            "created_at",
            "updated_at",
            "last_execution",
            "warning",
        )

    def get_target(self, rule: Rule) -> str | None:
        """Return the ID of the target, unless it is another account's."""
        return rule.target.instance_id if rule.target and not rule.is_cross_tenant else None

    @extend_schema_field(RunSerializer(allow_null=True))
    def get_last_execution(self, rule: Rule) -> Any:
        """Return the latest execution, None if it never ran."""
        run = self._row(rule).last_run
        return _RUN.to_representation(run) if run else None

    @extend_schema_field(WarningSerializer(allow_null=True))
    def get_warning(self, rule: Rule) -> Any:
        """Return what stands in its way, None if nothing does."""
        warning = self._row(rule).warning
        if warning is None:
            return None
        words = str(reasons.text(warning.reason))
        facts = {"reason": warning.reason, "text": words, "ends_at": warning.ends_at}
        return WarningSerializer(facts).data

    def _row(self, rule: Rule) -> RuleRow:
        row: RuleRow = self.context["rows"][rule.pk]
        return row


class PreviewSerializer(serializers.Serializer[Any]):
    """What a run would do now; `tags` counts them by what would become of them."""

    is_complete = serializers.BooleanField()
    repository_count = serializers.IntegerField()
    unlisted_repository_count = serializers.IntegerField()
    is_catalogue_complete = serializers.BooleanField()
    tags = serializers.DictField(child=serializers.IntegerField())
    conflict_count = serializers.IntegerField()
    conflicts = serializers.ListField(child=serializers.DictField())
    line_count = serializers.IntegerField()
    lines = serializers.ListField(child=serializers.DictField())
    problem = serializers.DictField(allow_null=True)


class NewRule(FormBody):
    """A new rule; a filter without a syntax is read as what it looks like."""

    form = RuleForm
    without_default = frozenset({"syntax"})


class RuleChange(FormBody):
    """What changes of a rule; without a password the stored one is kept."""

    form = RuleForm
    is_partial = True


class RuleList(ApiView):
    """Rules of all instances."""

    @extend_schema(parameters=query(RuleFilter), responses=numbered(RuleSerializer))
    def get(self, request: Request) -> Response:
        """List rules."""
        values = paging.parameters(request, RuleFilter)
        rows = Rule.objects.visible_to(user_of(request)).select_related("source", "target")
        if values["search"]:
            matches = Q()
            for column in ("name", "description", "namespace", "repository", "tag", "target_namespace"):
                matches |= Q(**{f"{column}__icontains": values["search"]})
            rows = rows.filter(matches)
        if values["source"]:
            rows = rows.filter(source__instance_id=values["source"])
        if values["is_enabled"]:
            rows = rows.filter(is_enabled=values["is_enabled"] == "true")
        rows = rows.order_by(values["ordering"] or "name", "pk")
        return Response(paging.by_number(request, values, rows, _represent))


class RuleCreation(ApiView):
    """Rules of one source instance."""

    @extend_schema(request=NewRule, responses={HTTPStatus.CREATED: RuleSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Create a rule whose source is this instance."""
        form = _new(request, instance_id)
        rule = bodies.save(form, form.save)
        return _respond(rule, HTTPStatus.CREATED, {"Location": reverse("api:rule", args=[rule.pk])})


class NewRulePreview(ApiView):
    """A rule that is not stored."""

    @extend_schema(request=NewRule, responses={HTTPStatus.OK: PreviewSerializer})
    def post(self, request: Request, instance_id: str) -> Response:
        """Tell what a run of such a rule would do; nothing is stored. Takes 20 seconds at most."""
        form = _new(request, instance_id)
        return Response(bodies.save(form, form.preview).as_json())


class RuleDetail(ApiView):
    """One rule."""

    @extend_schema(responses=RuleSerializer)
    def get(self, request: Request, rule_id: int) -> Response:
        """Show a rule. Its ETag changes with its configuration; If-None-Match is answered 304."""
        rule = access.get_rule_or_404(user_of(request), rule_id)
        if preconditions.is_known(request, rule):
            return Response(status=HTTPStatus.NOT_MODIFIED, headers={"ETag": preconditions.etag_of(rule)})
        return _respond(rule)

    @extend_schema(parameters=[_IF_MATCH], request=RuleChange, responses=RuleSerializer)
    def patch(self, request: Request, rule_id: int) -> Response:
        """Re-configure a rule; 412 if it is no longer the version of If-Match."""
        with transaction.atomic():
            rule = _lock(request, rule_id)
            permissions.check(user_of(request), Permission.SYNCHRONIZE, rule.source)
            preconditions.check(request, rule)
            data = RuleChange.read(request, values_of(rule))
            form = RuleForm(data, source=rule.source, by=user_of(request), instance=rule)
            bodies.save(form, form.save)
        return _respond(access.get_rule_or_404(user_of(request), rule_id))

    @extend_schema(parameters=[_IF_MATCH], responses={HTTPStatus.NO_CONTENT: None})
    def delete(self, request: Request, rule_id: int) -> Response:
        """Delete a rule with its logs; 412 if it is no longer the version of If-Match."""
        with transaction.atomic():
            rule = _lock(request, rule_id)
            permissions.check(user_of(request), Permission.SYNCHRONIZE, rule.source)
            preconditions.check(request, rule)
            rules.delete(rule=rule, by=user_of(request), now=timezone.now())
        return Response(status=HTTPStatus.NO_CONTENT)


class RuleSwitch(ApiView):
    """Whether a rule works."""

    is_enabled = True

    @extend_schema(request=None, responses={HTTPStatus.OK: RuleSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """Switch a rule on or off; safe to repeat."""
        rule = access.get_rule_or_404(user_of(request), rule_id)
        rules.set_enabled(rule=rule, is_enabled=self.is_enabled, by=user_of(request), now=timezone.now())
        return _respond(access.get_rule_or_404(user_of(request), rule_id))


class RuleTrigger(ApiView):
    """A manual execution."""

    @extend_schema(parameters=[_KEY], request=None, responses={HTTPStatus.ACCEPTED: ExecutionSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """Start a manual execution of a rule; 409 if it is disabled, or a scan of it has not finished."""
        rule = access.get_rule_or_404(user_of(request), rule_id)

        def trigger() -> dict[str, Any]:
            execution = rules.trigger(rule=rule, by=user_of(request), now=timezone.now())
            return dict(ExecutionSerializer(execution).data)

        response = idempotency.once(request, trigger)
        response.headers["Location"] = reverse("api:execution", args=[response.data["id"]])
        return response


class RulePreview(ApiView):
    """What a stored rule would do."""

    @extend_schema(request=None, responses={HTTPStatus.OK: PreviewSerializer})
    def post(self, request: Request, rule_id: int) -> Response:
        """Tell what a run of a rule would do now; takes 20 seconds at most."""
        rule = access.get_rule_or_404(user_of(request), rule_id)
        return Response(previews.preview(rule=rule, by=user_of(request), now=timezone.now()).as_json())


def _new(request: Request, instance_id: str) -> RuleForm:
    source = access.get_instance_or_404(user_of(request), instance_id)
    permissions.check(user_of(request), Permission.SYNCHRONIZE, source)
    return RuleForm(NewRule.read(request), source=source, by=user_of(request))


def _lock(request: Request, rule_id: int) -> Rule:
    """Return the rule as it is until the transaction ends."""
    locked = Rule.objects.visible_to(user_of(request)).select_for_update(of=("self",))
    locked.filter(pk=rule_id).first()
    return access.get_rule_or_404(user_of(request), rule_id)


def _represent(found: Sequence[Rule]) -> Any:
    rows = {row.rule.pk: row for row in rule_queries.describe_rules(found)}
    return RuleSerializer(found, many=True, context={"rows": rows}).data


def _respond(
    rule: Rule, status: HTTPStatus = HTTPStatus.OK, headers: dict[str, str] | None = None
) -> Response:
    (body,) = _represent([rule])
    return Response(body, status=status, headers={"ETag": preconditions.etag_of(rule)} | (headers or {}))
