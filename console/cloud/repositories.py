"""
Repositories, as the registry behind an instance tells them; and how they are deleted there.

A registry tells neither times nor descriptions, and makes a repository when something is pushed.

Source: reference/tencent-api.md 1.4.
"""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from console.cloud import asking, objects, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError
from console.cloud.shapes import flag, many, number, text
from registries.services import images

_UNKNOWN_TIME = "0001-01-01 00:00:00 +0000 UTC"
_SORTS = {"", "name", "-name", "creation_time", "-creation_time", "update_time", "-update_time"}


def list_page(call: Call) -> dict[str, Any]:
    """Return a page of the registry's repositories, by their whole paths."""
    order = call.values.get("SortBy", "")
    if order not in _SORTS:
        raise CloudError("InvalidParameter.ErrorTcrInvalidParameter", _("SortBy is not one of the fields."))
    namespace, part = call.values.get("NamespaceName", ""), call.values.get("RepositoryName", "")
    names = [
        name
        for name in asking.list_repositories(call)
        if (not namespace or name.startswith(f"{namespace}/")) and part in name.partition("/")[2]
    ]
    if order == "-name":
        names.reverse()
    public = set(call.instance.namespaces.filter(is_public=True).values_list("name", flat=True))
    shown = names[windows.by_page_offset(call.values)]
    return {
        "RepositoryList": [_describe_repository(name, public) for name in shown],
        "TotalCount": len(names),
    }


def delete(call: Call) -> dict[str, Any]:
    """Delete a repository with all that its tags lead to; without `ForceDelete` only an empty one."""
    images.delete_repository(
        instance=call.instance,
        repository=asking.repository_path(call),
        is_forced=call.values.get("ForceDelete", True),
        by=call.user,
        now=call.now,
    )
    return {}


def _describe_repository(name: str, public: set[str]) -> dict[str, Any]:
    namespace = name.partition("/")[0]
    return {
        "Name": name,
        "Namespace": namespace,
        "CreationTime": _UNKNOWN_TIME,
        "Public": namespace in public,
        "Description": "",
        "BriefDescription": "",
        "UpdateTime": _UNKNOWN_TIME,
    }


ACTIONS = (
    Action(
        "DescribeRepositories",
        list_page,
        {
            "RegistryId": text(required=True),
            "NamespaceName": text(),
            "RepositoryName": text(),
            "Offset": number(),
            "Limit": number(),
            "SortBy": text(),
        },
        {
            "RepositoryList": many(objects.TCR_REPOSITORY_INFO, required=True),
            "TotalCount": number(required=True),
        },
        Right.VIEW,
        Resource.REPOSITORY,
        note="Registries tell no times and no descriptions; other orders than `-name` are by name.",
    ),
    Action(
        "DeleteRepository",
        delete,
        {**objects.PLACE, "ForceDelete": flag()},
        {},
        Right.MANAGE,
        Resource.REPOSITORY,
        note="A repository without tags is none, to a registry, though its catalogue may go on to name it.",
    ),
)
