"""
Synchronization rules: made, changed, listed and deleted through the same form and services as on the pages.

The vendor's rule knows no namespace: it is the first part of the filter `name`, or all of them without one. A pattern
that is only `**` or `.*` behind it means everything, as a blank does on the page.

Source: reference/tencent-api.md 1.1, 3.4 to 3.6; seeds 000 and 001.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from console.cloud import objects, times, windows
from console.cloud.actions import Action, Call, Right
from console.cloud.errors import CloudError, invalid, not_found, save, unsupported
from console.cloud.shapes import many, number, one, text
from registries import permissions, policies, quotas
from registries.models import Instance, Permission, Region
from registries.naming import ALL_NAMESPACES
from registries.policies import Refused
from syncjobs import forms as rule_forms
from syncjobs.forms import RuleForm
from syncjobs.models import ArtifactType, Rule
from syncjobs.queries import rules as rule_queries
from syncjobs.services import rules

_CORE = "InvalidParameter.ErrorTcrInvalidParameter"
_DENIED = "InternalError.ErrorTcrUnauthorized"
_CODES = {
    "name": _CORE,
    "namespace": _CORE,
    "repository": _CORE,
    "tag": _CORE,
    "target_namespace": _CORE,
    "target": "ResourceNotFound",
    "target_password": _DENIED,
}
_NAMES = {
    "name": "Rule.Name",
    "description": "Description",
    "namespace": "Rule.Filters",
    "repository": "Rule.Filters",
    "tag": "Rule.Filters",
    "target": "DestinationRegistryId",
    "target_instance_id": "DestinationRegistryId",
    "target_namespace": "Rule.DestNamespace",
    "target_username": "PeerReplicationOption.PeerRegistryUin",
}
_EVERYTHING = frozenset({"", "**", ".*"})
_TYPES = {"": ArtifactType.BOTH, "image": ArtifactType.IMAGE, "chart": ArtifactType.CHART}
_DEFAULTS = {"with_referrers": True, "is_push_triggered": True, "is_enabled": True}


def create(call: Call) -> dict[str, Any]:
    """Create a rule, enabled; the answer holds no ID, a client finds it by its name."""
    asked = call.values["Rule"]
    _check_can_hold_rules(call.instance)
    data = {
        **_DEFAULTS,
        **_filters(asked["Filters"]),
        **_target(call),
        "name": asked["Name"],
        "description": call.values.get("Description", ""),
        "override": asked["Override"],
        "sync_deletions": asked.get("Deletion", False),
        **_target_namespace(asked["DestNamespace"]),
    }
    if Rule.objects.filter(source=call.instance, name=asked["Name"]).exists():
        raise CloudError(
            "InternalError.ErrorTcrResourceConflict",
            _("The source instance already has a rule of this name."),
        )
    form = RuleForm(data, source=call.instance, by=call.user)
    _save(form, call.now)
    return {}


def change(call: Call) -> dict[str, Any]:
    """Change what is given of a rule, and nothing else."""
    rule = _get(call.instance, call.values["RuleName"])
    asked = call.values["Rule"]
    if set(asked) <= {"Enabled"} and "Description" not in call.values:
        if "Enabled" in asked:
            rules.set_enabled(rule=rule, is_enabled=asked["Enabled"], by=call.user, now=call.now)
        return {}
    _check_can_hold_rules(call.instance)
    data = rule_forms.values_of(rule)
    if "Filters" in asked:
        data |= {"syntax": ""} | _filters(asked["Filters"])
    if asked.get("DestNamespace", rule.target_namespace) != rule.target_namespace:
        data |= _target_namespace(asked["DestNamespace"])
    for name, field in (("Override", "override"), ("Deletion", "sync_deletions"), ("Enabled", "is_enabled")):
        data[field] = asked.get(name, data[field])
    data["description"] = call.values.get("Description", rule.description)
    form = RuleForm(data, source=call.instance, by=call.user, instance=rule)
    _save(form, call.now)
    return {}


def delete(call: Call) -> dict[str, Any]:
    """Delete a rule with its logs."""
    rules.delete(rule=_get(call.instance, call.values["RuleName"]), by=call.user, now=call.now)
    return {}


def list_page(call: Call) -> dict[str, Any]:
    """Return a page of the instance's rules."""
    found = Rule.objects.filter(source=call.instance).order_by("name").select_related("target__region")
    shown = rule_queries.describe_rules(found[windows.by_page(call.values)])
    return {
        "ReplicationPolicyInfoList": [_describe(row.rule, call.instance) for row in shown],
        "TotalCount": found.count(),
    }


def _get(source: Instance, name: str) -> Rule:
    rule = Rule.objects.filter(source=source, name=name).select_related("source__account", "target").first()
    if rule is None:
        raise not_found(_("rule %(name)s") % {"name": name[:255]})
    return rule


def _check_can_hold_rules(source: Instance) -> None:
    try:
        policies.check_can_hold_rules(source)
    except Refused as refused:
        raise unsupported(str(refused)) from None


def _save(form: RuleForm, now: datetime) -> None:
    try:
        save(form, form.save, now, codes=_CODES, names=_NAMES)
    except CloudError as error:
        if error.code == _CORE and form.instance is None:
            _check_room(form.source)
        raise


def _check_room(source: Instance) -> None:
    """Raise QuotaExceeded if it was the quota that the form noted at its field `name`."""
    with transaction.atomic():
        quotas.check_room(quotas.Quota.RULES, source)


def _filters(asked: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the form's data about what is selected."""
    values: dict[str, str] = {}
    for place, entry in enumerate(asked):
        kind, value = entry["Type"], entry.get("Value", "")
        if kind not in {"name", "tag", "resource"}:
            raise invalid(f"Rule.Filters.{place}.Type")
        if kind in values:
            raise invalid(f"Rule.Filters.{place}", _("Give one filter of each type."))
        values[kind] = value
    if values.get("resource", "") not in _TYPES:
        raise invalid("Rule.Filters", _("The resource is “image” or “chart”, or empty for both."))
    namespace, repository = _split(values.get("name", ""))
    tag = values.get("tag", "")
    return {
        "namespace": namespace,
        "repository": "" if repository in _EVERYTHING else repository,
        "tag": "" if tag in _EVERYTHING | {"*"} else tag,
        "artifact_type": _TYPES[values.get("resource", "")],
    }


def _split(name: str) -> tuple[str, str]:
    """Return the namespace of a filter of names, `*` for all, and the filter below it."""
    if name in _EVERYTHING:
        return ALL_NAMESPACES, ""
    namespace, slash, repository = name.partition("/")
    if not slash:
        raise CloudError(
            _CORE,
            _("Rule.Filters: a filter of the type “name” begins with a namespace, such as “project/**”."),
        )
    return (ALL_NAMESPACES, name) if namespace == "**" else (namespace, repository)


def _target_namespace(name: str) -> dict[str, Any]:
    """Return the form's data: a target namespace of its own flattens paths, as in the vendor's engine."""
    return {"target_namespace": name, "is_flattened": bool(name)}


def _target(call: Call) -> dict[str, Any]:
    """Return the form's data about the target; an own one must be there and may be pushed to."""
    target_id, region_id = call.values["DestinationRegistryId"], call.values.get("DestinationRegionId", 0)
    if region_id and not Region.objects.filter(numeric_id=region_id).exists():
        raise invalid("DestinationRegionId", _("There is no such region."))
    peer = call.values.get("PeerReplicationOption", {})
    if peer.get("EnablePeerReplication"):
        return {
            "is_cross_tenant": True,
            "target_instance_id": target_id,
            "target_username": peer["PeerRegistryUin"],
            "target_password": peer["PeerRegistryToken"],
        }
    own = (
        Instance.objects.filter(account=call.account, instance_id=target_id).select_related("region").first()
    )
    if own is None:
        raise not_found(_("instance %(id)s") % {"id": target_id[:64]})
    if region_id not in {0, own.region.numeric_id}:
        raise invalid("DestinationRegionId", _("The instance is in another region."))
    permissions.check(call.user, Permission.PUSH, own)
    return {"target": target_id}


def _describe(rule: Rule, source: Instance) -> dict[str, Any]:
    path = f"{rule.namespace}/{rule.repository or '**'}"
    is_narrow = rule.namespace != ALL_NAMESPACES or rule.repository
    filters = [{"Type": "name", "Value": path}] if is_narrow else []
    if rule.tag:
        filters.append({"Type": "tag", "Value": rule.tag})
    if rule.artifact_type != ArtifactType.BOTH:
        filters.append({"Type": "resource", "Value": rule.artifact_type})
    target_region = f" {rule.target.region.code}" if rule.target else ""
    target_id = rule.target.instance_id if rule.target else rule.target_instance_id
    target_path = f"{rule.target_namespace or rule.namespace}/{rule.repository or '**'}"
    return {
        "ID": rule.pk,
        "Name": rule.name,
        "Description": rule.description,
        "Filters": filters,
        "Override": rule.override,
        "Enabled": rule.is_enabled,
        "SrcResource": f"{source.name}/{path}{':' + rule.tag if rule.tag else ''} {source.region.code}",
        "DestResource": f"{target_id}/{target_path}{target_region}",
        "CreationTime": times.precise(rule.created_at),
        "UpdateTime": times.precise(rule.updated_at),
    }


ACTIONS = (
    Action(
        "ManageReplication",
        create,
        {
            "SourceRegistryId": text(required=True),
            "DestinationRegistryId": text(required=True),
            "Rule": one(objects.REPLICATION_RULE, required=True),
            "Description": text(),
            "DestinationRegionId": number(),
            "PeerReplicationOption": one(objects.PEER_REPLICATION_OPTION),
        },
        {},
        Right.SYNCHRONIZE,
        instance="SourceRegistryId",
        note=(
            "A filter `name` begins with a namespace, or with `*` or `**` for all; without one everything that has a "
            "namespace is meant. `DestNamespace` flattens multi-level paths, as "
            "the vendor's engine does; the page can switch that off. A taken name is refused. Needs `push` on the "
            "destination, too."
        ),
    ),
    Action(
        "ModifyReplication",
        change,
        {
            "SourceRegistryId": text(required=True),
            "RuleName": text(required=True),
            "Rule": one(objects.MODIFY_REPLICATION_RULE, required=True),
            "Description": text(),
        },
        {},
        Right.SYNCHRONIZE,
        instance="SourceRegistryId",
        note="What is absent stays. `Enabled` alone switches the rule without looking at anything else.",
    ),
    Action(
        "DeleteReplicationRule",
        delete,
        {
            "SourceRegistryId": text(required=True),
            "RuleName": text(required=True),
            "Description": text(),
        },
        {},
        Right.SYNCHRONIZE,
        instance="SourceRegistryId",
        note="`Description` is ignored.",
    ),
    Action(
        "DescribeReplicationPolicies",
        list_page,
        {"RegistryId": text(required=True), "Page": number(), "PageSize": number()},
        {"ReplicationPolicyInfoList": many(objects.REPLICATION_POLICY_INFO), "TotalCount": number()},
        Right.VIEW,
    ),
)
