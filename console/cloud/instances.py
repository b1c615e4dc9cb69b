"""
Instances and regions.

Source: reference/tencent-api.md 1.3, 3.1, 3.2, appendices A and B.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from console.cloud import objects, times, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError, invalid, missing, save, unsupported
from console.cloud.shapes import flag, many, number, one, text, texts
from registries import naming, policies
from registries.forms import InstanceForm
from registries.forms import instance as instance_form
from registries.models import Edition, Health, Instance, InstanceKind, InstanceStatus, Region
from registries.services import instances

_TOKEN_HOURS = 87_600
_MOST_TAGS = 10
_NAME_ILLEGAL, _NAME_TAKEN = 1, 3
_CODES = {
    "name": "InvalidParameter.ErrorRegistryName",
    "region": "InvalidParameter.UnsupportedRegion",
}
_NAMES = {"name": "RegistryName", "edition": "RegistryType", "region": "X-TC-Region"}
_ALIASES = {"ap-guangzhou": "gz", "ap-shanghai": "sh", "ap-beijing": "bj"}


def check(call: Call) -> dict[str, Any]:
    """Tell whether the ID is that of an instance of the caller's account, and where it stands."""
    visible = Instance.objects.visible_to(call.user).select_related("region")
    found = visible.filter(instance_id=call.values["RegistryId"]).first()
    return {"IsValidated": found is not None, "RegionId": found.region.numeric_id if found else 0}


def check_name(call: Call) -> dict[str, Any]:
    """Tell whether an instance of this name could be created: 0 yes, 1 not a name, 3 the account has one."""
    name = call.values["RegistryName"]
    code = 0
    if not naming.INSTANCE_NAME.allows(name):
        code = _NAME_ILLEGAL
    elif Instance.objects.filter(account=call.account, name=name).exists():
        code = _NAME_TAKEN
    return {"IsValidated": not code, "DetailCode": code}


def create(call: Call) -> dict[str, Any]:
    """Create a hosted instance in the region of X-TC-Region; it can be seen, and used, at once."""
    if not call.region:
        raise missing("X-TC-Region")
    _check_billing(call.values)
    _check_storage(call.values)
    name = call.values["RegistryName"]
    if Instance.objects.filter(account=call.account, name=name).exists():
        raise CloudError(
            "InvalidParameter.ErrorNameExists", _("The account already has an instance of this name.")
        )
    data = {
        "kind": InstanceKind.HOSTED,
        "name": name,
        "edition": call.values["RegistryType"],
        "region": call.region,
        "is_deletion_protected": call.values.get("DeletionProtection", False),
    }
    form = InstanceForm(data, account=call.account, by=call.user)
    return {"RegistryId": save(form, form.save, call.now, codes=_CODES, names=_NAMES).instance_id}


def list_page(call: Call) -> dict[str, Any]:
    """Return the instances of the region in X-TC-Region, or of all of them."""
    found = _visible(call)
    if call.region and not call.values.get("AllRegion"):
        if not Region.objects.filter(code=call.region).exists():
            raise CloudError(
                "UnsupportedRegion", _("There is no region %(code)s.") % {"code": call.region[:64]}
            )
        found = found.filter(region__code=call.region)
    if ids := list(filter(None, call.values.get("Registryids", []))):
        found = found.filter(instance_id__in=ids)
    for place, entry in enumerate(call.values.get("Filters", [])):
        found = _narrow(found, entry, place)
    shown = found.order_by("created_at", "pk")[windows.by_row(call.values)]
    return {"TotalCount": found.count(), "Registries": [_describe(instance) for instance in shown]}


def list_statuses(call: Call) -> dict[str, Any]:
    """Return the statuses of those of the instances that the caller may see."""
    found = _visible(call).filter(instance_id__in=call.values["RegistryIds"]).order_by("instance_id")
    return {
        "RegistryStatusSet": [
            {"RegistryId": instance.instance_id, "Status": _status(instance), "Conditions": []}
            for instance in found
        ]
    }


def change(call: Call) -> dict[str, Any]:
    """Raise the edition, switch the deletion protection."""
    _check_storage(call.values)
    data = instance_form.values_of(call.instance)
    data["edition"] = call.values.get("RegistryType") or data["edition"]
    data["is_deletion_protected"] = call.values.get("DeletionProtection", data["is_deletion_protected"])
    if data["edition"] in Edition.values:
        policies.check_can_change_edition(call.instance, data["edition"])
    form = InstanceForm(data, account=call.account, by=call.user, instance=call.instance, check=False)
    save(form, form.save, call.now, codes={}, names=_NAMES)
    return {}


def delete(call: Call) -> dict[str, Any]:
    """Delete an instance on which nothing depends, or only tell whether that could be done."""
    if call.values.get("DryRun"):
        policies.check_can_delete(call.instance, now=call.now)
        return {}
    instances.delete(instance=call.instance, by=call.user, now=call.now)
    return {}


def list_regions(_call: Call) -> dict[str, Any]:
    """Return all regions."""
    found = [_describe_region(region) for region in Region.objects.order_by("numeric_id")]
    return {"TotalCount": len(found), "Regions": found}


def _visible(call: Call) -> QuerySet[Instance]:
    return Instance.objects.visible_to(call.user).select_related("region", "backend")


def _narrow(found: QuerySet[Instance], entry: Mapping[str, Any], place: int) -> QuerySet[Instance]:
    """Apply a filter: its values are alternatives. No instance has cloud tags, so a filter on them finds nothing."""
    if entry["Name"] == "RegistryName":
        return found.filter(name__in=entry["Values"])
    if entry["Name"] == "RegistryId":
        return found.filter(instance_id__in=entry["Values"])
    if entry["Name"] in {"Tags", "TagKey"} or entry["Name"].startswith("tag:"):
        return found.none()
    raise invalid(f"Filters.{place}.Name")


def _check_billing(values: Mapping[str, Any]) -> None:
    """Refuse cloud tags and paying in advance, which there are not: a client must not believe in them."""
    tags = values.get("TagSpecification", {}).get("Tags", [])
    if len(tags) > _MOST_TAGS:
        raise CloudError("InvalidParameter.ErrorTagOverLimit", _("Give 10 cloud tags at most."))
    if tags:
        raise unsupported(_("Regatta keeps no cloud tags."))
    if values.get("RegistryChargeType") or values.get("RegistryChargePrepaid"):
        raise unsupported(_("Regatta bills nothing: leave RegistryChargeType at 0."))


def _check_storage(values: Mapping[str, Any]) -> None:
    """Refuse what only the vendor's own storage has."""
    if values.get("EnableCosMAZ") or values.get("EnableCosVersioning"):
        raise unsupported(_("Storage options belong to the backends, which the platform's operator keeps."))


def _status(instance: Instance) -> str:
    """Return the vendor's word; a registry that does not answer makes a running instance `Unhealthy`."""
    if instance.status == InstanceStatus.RUNNING and instance.health == Health.UNHEALTHY:
        return "Unhealthy"
    return str(instance.status)


def _describe(instance: Instance) -> dict[str, Any]:
    return {
        "RegistryId": instance.instance_id,
        "RegistryName": instance.name,
        "RegistryType": instance.edition,
        "Status": _status(instance),
        "PublicDomain": instance.address,
        "CreatedAt": times.beijing(instance.created_at),
        "RegionName": instance.region.code,
        "RegionId": instance.region.numeric_id,
        "EnableAnonymous": False,
        "TokenValidTime": _TOKEN_HOURS,
        "InternalEndpoint": "",
        "TagSpecification": {"ResourceType": "instance", "Tags": []},
        "ExpiredAt": "",
        "PayMod": 0,
        "RenewFlag": 0,
        "DeletionProtection": instance.is_deletion_protected,
        "AIFeature": False,
        "EnableCosMAZ": False,
        "EnableCosVersioning": False,
    }


def _describe_region(region: Region) -> dict[str, Any]:
    return {
        "Alias": _ALIASES.get(region.code, region.code),
        "RegionId": region.numeric_id,
        "RegionName": region.code,
        "Status": "alluser",
        "Remark": region.name_en,
        "CreatedAt": times.NEVER,
        "UpdatedAt": times.NEVER,
        "Id": region.pk,
    }


ACTIONS = (
    Action(
        "CheckInstance",
        check,
        {"RegistryId": text(required=True)},
        {"IsValidated": flag(required=True), "RegionId": number(required=True)},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="Knows instances of the caller's account only: whether others exist is nobody's business.",
    ),
    Action(
        "CheckInstanceName",
        check_name,
        {"RegistryName": text(required=True)},
        {"IsValidated": flag(required=True), "DetailCode": number(required=True)},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="Names are unique in an account, and none is reserved: `DetailCode` is 0, 1 or 3.",
    ),
    Action(
        "CreateInstance",
        create,
        {
            "RegistryName": text(required=True),
            "RegistryType": text(required=True),
            "TagSpecification": one(objects.TAG_SPECIFICATION),
            "RegistryChargeType": number(),
            "RegistryChargePrepaid": one(objects.REGISTRY_CHARGE_PREPAID),
            "SyncTag": flag(),
            "EnableCosMAZ": flag(),
            "DeletionProtection": flag(),
            "EnableCosVersioning": flag(),
        },
        {"RegistryId": text(required=True)},
        Right.ADMINISTER,
        Resource.ANY,
        instance="",
        note=(
            "Makes a hosted instance in a backend of `X-TC-Region`. Cloud tags, prepayment and storage options are "
            "refused with `UnsupportedOperation`; `SyncTag` means nothing."
        ),
    ),
    Action(
        "DescribeInstances",
        list_page,
        {
            "Registryids": texts(),
            "Offset": number(),
            "Limit": number(),
            "Filters": many(objects.FILTER),
            "AllRegion": flag(),
        },
        {"TotalCount": number(required=True), "Registries": many(objects.REGISTRY, required=True)},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="Without `X-TC-Region` all regions are meant. `PublicDomain` is the address to push to, path included.",
    ),
    Action(
        "DescribeInstanceStatus",
        list_statuses,
        {"RegistryIds": texts(required=True)},
        {"RegistryStatusSet": many(objects.REGISTRY_STATUS)},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="Instances that the caller may not see are left out. `Unhealthy`: the registry does not answer.",
    ),
    Action(
        "ModifyInstance",
        change,
        {
            "RegistryId": text(required=True),
            "RegistryType": text(),
            "DeletionProtection": flag(),
            "EnableCosVersioning": flag(),
        },
        {},
        Right.MANAGE,
        note="What is absent stays. `EnableCosVersioning` is refused.",
    ),
    Action(
        "DeleteInstance",
        delete,
        {"RegistryId": text(required=True), "DeleteBucket": flag(), "DryRun": flag()},
        {},
        Right.MANAGE,
        note="Whatever depends on the instance: `OperationDenied`. `DryRun` answers without deleting.",
    ),
    Action(
        "DescribeRegions",
        list_regions,
        {},
        {"TotalCount": number(required=True), "Regions": many(objects.REGION, required=True)},
        Right.NONE,
        Resource.ANY,
        instance="",
    ),
)
