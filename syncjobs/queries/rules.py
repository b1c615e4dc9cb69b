"""The table of a source instance's rules."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from registries.models import Instance
from syncjobs.models import Execution, Rule
from syncjobs.queries.rows import Rows
from syncjobs.queries.warnings import CredentialWarning, list_warnings

SORTS = ("name", "created_at", "next_run_at")


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule with its latest execution, None if it never ran, and what stands in its way, None if nothing does."""

    rule: Rule
    last_run: Execution | None
    warning: CredentialWarning | None = None


def list_rules(
    *, source: Instance, search: str = "", is_enabled: bool | None = None, sort: str = "name"
) -> Rows[RuleRow]:
    """
    Return the rules of a source instance; `sort` is one of SORTS, with `-` before it for descending.

    The search looks into names, descriptions, namespaces and filters.
    """
    rules = Rule.objects.filter(source=source).select_related("target")
    if search:
        columns = ("name", "description", "namespace", "repository", "tag", "target_namespace")
        found = Q()
        for column in columns:
            found |= Q(**{f"{column}__icontains": search})
        rules = rules.filter(found)
    if is_enabled is not None:
        rules = rules.filter(is_enabled=is_enabled)
    return Rows(rules.order_by(sort, "name"), describe_rules)


def describe_rules(rules: Iterable[Rule]) -> list[RuleRow]:
    """Return the rules with their latest executions and warnings, found in a handful of queries."""
    rules = list(rules)
    newest = Execution.objects.filter(rule=OuterRef("pk")).order_by("-id").values("id")[:1]
    of_rules = Rule.objects.filter(pk__in=[rule.pk for rule in rules]).order_by()
    last = of_rules.annotate(last=Subquery(newest)).values("last")
    runs = {run.rule_id: run for run in Execution.objects.filter(pk__in=last).order_by()}
    warnings = list_warnings(rules, timezone.now())
    return [RuleRow(rule, runs.get(rule.pk), warnings.get(rule.pk)) for rule in rules]
