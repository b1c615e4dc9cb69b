"""
Namespaces: those that Regatta keeps, and those of the registry behind an instance.

Source: reference/tencent-api.md 1.4.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from console.cloud import asking, objects, times, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError, not_in_instance, save, unsupported
from console.cloud.shapes import flag, many, number, one, text
from registries.forms.namespace import NamespaceForm
from registries.models import Namespace
from registries.oci.errors import NotFound, Unsupported
from registries.services import browsing, namespaces


def create(call: Call) -> dict[str, Any]:
    """Note a namespace, before anything is pushed into it."""
    _check_scanning(call)
    name = call.values["NamespaceName"]
    if Namespace.objects.filter(instance=call.instance, name=name).exists():
        raise CloudError(
            "FailedOperation.ErrorTcrResourceConflict",
            _("The instance already has a namespace of this name."),
        )
    form = NamespaceForm(
        {"name": name, "is_public": call.values["IsPublic"]}, holder=call.instance, by=call.user
    )
    codes = {"name": "InvalidParameter.ErrorTcrInvalidParameter"}
    save(form, form.save, call.now, codes=codes, names={"name": "NamespaceName"})
    return {}


def list_page(call: Call) -> dict[str, Any]:
    """Return the namespaces that were created and those that the registry has, by name."""
    known = {namespace.name: namespace for namespace in call.instance.namespaces.all()}
    names = sorted(known.keys() | _live_namespaces(call))
    if wanted := call.values.get("NamespaceName", ""):
        names = [name for name in names if wanted in name]
    if call.values.get("KmsSignPolicy"):
        names = []
    shown = names if call.values.get("All") else names[windows.by_page_offset(call.values)]
    return {
        "NamespaceList": [_describe(name, known.get(name)) for name in shown],
        "TotalCount": len(names),
    }


def change(call: Call) -> dict[str, Any]:
    """Note whether a namespace is public."""
    _check_scanning(call)
    namespace = _find(call)
    if namespace is None:
        raise unsupported(_("The namespace is the registry's own. Create it here to keep settings of it."))
    if "IsPublic" in call.values:
        is_public = call.values["IsPublic"]
        namespaces.set_public(namespace=namespace, is_public=is_public, by=call.user, now=call.now)
    return {}


def delete(call: Call) -> dict[str, Any]:
    """Forget a namespace in which nothing has a tag any more."""
    namespace = _find(call)
    prefix = f"{call.values['NamespaceName']}/"
    for repository in _live_repositories(call):
        if repository.startswith(prefix) and _has_tags(call, repository):
            raise CloudError(
                "FailedOperation.PreconditionFailed",
                _("The namespace is not empty: it holds %(name)s.") % {"name": repository},
            )
    if namespace is not None:
        namespaces.delete(namespace=namespace, by=call.user, now=call.now)
    return {}


def list_nothing(_call: Call) -> dict[str, Any]:
    """Return nothing: the vendor's answer has no fields."""
    return {}


def _live_repositories(call: Call) -> list[str]:
    """Return the registry's repositories; none if it has no catalogue."""
    try:
        return asking.list_repositories(call)
    except (NotFound, Unsupported):
        return []


def _live_namespaces(call: Call) -> set[str]:
    return {name.partition("/")[0] for name in _live_repositories(call) if "/" in name}


def _has_tags(call: Call, repository: str) -> bool:
    shelf = browsing.read_repository(
        instance=call.instance,
        repository=repository,
        by=call.user,
        choose=lambda _tags: [],
        with_companions=True,
    )
    return bool(shelf.names.names)


def _find(call: Call) -> Namespace | None:
    """Return the namespace that was created here, None if only the registry has it."""
    name = call.values["NamespaceName"]
    namespace = call.instance.namespaces.filter(name=name).select_related("instance__account").first()
    if namespace is None and name not in _live_namespaces(call):
        raise not_in_instance(_("namespace %(name)s") % {"name": name[:128]})
    return namespace


def _check_scanning(call: Call) -> None:
    """Refuse what only the vendor's own registry does with a namespace."""
    values = call.values
    wanted = values.get("IsAutoScan") or values.get("IsPreventVUL") or values.get("CVEWhitelistItems")
    if wanted or values.get("Severity"):
        raise unsupported(_("Regatta scans no images."))
    if values.get("TagSpecification", {}).get("Tags"):
        raise unsupported(_("Regatta keeps no cloud tags."))


def _describe(name: str, namespace: Namespace | None) -> dict[str, Any]:
    return {
        "Name": name,
        "CreationTime": times.precise(namespace.created_at) if namespace else times.NEVER,
        "Public": namespace.is_public if namespace else False,
        "NamespaceId": namespace.pk if namespace else 0,
        "TagSpecification": {"ResourceType": "namespace", "Tags": []},
        "Metadata": [],
        "CVEWhitelistItems": [],
        "AutoScan": False,
        "PreventVUL": False,
        "Severity": "",
    }


_SETTINGS = {
    "TagSpecification": one(objects.TAG_SPECIFICATION),
    "IsAutoScan": flag(),
    "IsPreventVUL": flag(),
    "Severity": text(),
    "CVEWhitelistItems": many(objects.CVE_WHITELIST_ITEM),
}

ACTIONS = (
    Action(
        "CreateNamespace",
        create,
        {
            "RegistryId": text(required=True),
            "NamespaceName": text(required=True),
            "IsPublic": flag(required=True),
            **_SETTINGS,
        },
        {},
        Right.PUSH,
        Resource.REPOSITORY,
        note="Scanning and cloud tags are refused. `IsPublic` is kept and told; the registry decides who may read.",
    ),
    Action(
        "DescribeNamespaces",
        list_page,
        {
            "RegistryId": text(required=True),
            "NamespaceName": text(),
            "Limit": number(),
            "Offset": number(),
            "All": flag(),
            "Filters": many(objects.FILTER),
            "KmsSignPolicy": flag(),
        },
        {
            "NamespaceList": many(objects.TCR_NAMESPACE_INFO, required=True),
            "TotalCount": number(required=True),
        },
        Right.VIEW,
        Resource.REPOSITORY,
        note="Those created here, and those in the registry's catalogue (`NamespaceId` 0). `Filters` is ignored.",
    ),
    Action(
        "ModifyNamespace",
        change,
        {
            "RegistryId": text(required=True),
            "NamespaceName": text(required=True),
            "IsPublic": flag(),
            **_SETTINGS,
        },
        {},
        Right.MANAGE,
        Resource.REPOSITORY,
        note="Of namespaces created here.",
    ),
    Action(
        "DeleteNamespace",
        delete,
        {"RegistryId": text(required=True), "NamespaceName": text(required=True)},
        {},
        Right.MANAGE,
        Resource.REPOSITORY,
        note="Refused while a repository in it has a tag.",
    ),
    Action(
        "DescribeInstanceAllNamespaces",
        list_nothing,
        {"Limit": number(), "Offset": number()},
        {},
        Right.NONE,
        Resource.ANY,
        instance="",
        note="Answers nothing, as documented.",
    ),
)
