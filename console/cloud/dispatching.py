"""Finds the action of a call, fits its fields, and asks whether the caller may, before anything is done."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from console.cloud import shapes, table
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError, not_found, unsupported
from registries import permissions
from registries.models import Instance, Permission, User


def perform(
    name: str, *, user: User, values: Mapping[str, Any], region: str, now: datetime
) -> dict[str, Any]:
    """
    Return the fields of the response, without `RequestId`.

    Raises CloudError, and what services raise, which `errors.translate` knows.
    """
    action = table.ACTIONS.get(name)
    if action is None:
        if name in table.UNSUPPORTED:
            raise unsupported(str(table.UNSUPPORTED[name]))
        raise CloudError("InvalidAction", _("There is no action %(name)s.") % {"name": name[:100]})
    fitted = shapes.fit(action.request, values)
    instance = _find_instance(user, fitted[action.instance]) if action.instance else None
    call = Call(user=user, values=fitted, now=now, region=region, found=instance)
    _check_right(action, call)
    return action.handler(call)


def resource_of(action: Action, call: Call) -> str:
    """Return the name of the vendor's resource that the call is about: `qcs::tcr:…`."""
    if action.resource is Resource.ANY or call.found is None:
        return "*"
    parts = [call.found.instance_id]
    if action.resource is Resource.REPOSITORY:
        parts += filter(None, [call.values.get("NamespaceName"), call.values.get("RepositoryName")])
    path = "/".join(parts)
    return f"qcs::tcr:{call.found.region.code}:uin/{call.account.uin}:{action.resource}/{path}"


def _find_instance(user: User, instance_id: str) -> Instance:
    visible = Instance.objects.visible_to(user).select_related("account", "region", "backend", "credential")
    instance = visible.filter(instance_id=instance_id).first()
    if instance is None:
        raise not_found(_("instance %(id)s") % {"id": instance_id[:64]})
    return instance


def _check_right(action: Action, call: Call) -> None:
    if _may(action, call):
        return
    sentence = _("You may not do %(act)s on %(resource)s.") % {
        "act": f"tcr:{action.name}",
        "resource": resource_of(action, call),
    }
    raise CloudError("UnauthorizedOperation", sentence)


def _may(action: Action, call: Call) -> bool:
    if action.right is Right.NONE:
        return True
    if action.right is Right.ADMINISTER:
        return permissions.can_administer(call.user, call.account)
    return permissions.can(call.user, Permission(action.right.value), call.instance)
