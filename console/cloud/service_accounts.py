"""
Service accounts: service-level access credentials. Clients give their names with the prefix `tcr$` and without.

Passwords are always generated: they are recognized by a fast hash, which only random ones stand (docs/adr/0008).

Source: reference/tencent-api.md 1.5 and 3.8.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from console.cloud import issued, objects, times, windows
from console.cloud.actions import Action, Call, Right
from console.cloud.errors import CloudError, invalid, save
from console.cloud.shapes import flag, many, number, text
from registries.forms import AccessCredentialForm
from registries.models import AccessCredential, CredentialKind
from registries.models import Action as Act
from registries.naming import SERVICE_ACCOUNT_PREFIX
from registries.services import issued_secrets

_MOST_DAYS = 36_500
_LATEST_MILLISECONDS = 253_370_764_800_000  # the year 9999
_ACTS = {
    "tcr:PullRepository": Act.PULL,
    "tcr:DescribeHelmCharts": Act.PULL,
    "tcr:PushRepository": Act.PUSH,
    "tcr:CreateRepository": Act.PUSH,
    "tcr:CreateHelmChart": Act.PUSH,
}
_WORDS = {Act.PULL: "tcr:PullRepository", Act.PUSH: "tcr:PushRepository"}
_CODES = {"username": "FailedOperation"}


@transaction.atomic
def create(call: Call) -> dict[str, Any]:
    """Make a service account; its password is in this answer and nowhere else."""
    data = {
        "username": call.values["Name"],
        "permissions": _permissions(call.values["Permissions"]),
        "description": call.values.get("Description", ""),
        "expires_at": _end(call),
    }
    if not call.values["Name"]:
        raise invalid("Name")
    form = AccessCredentialForm(data, holder=call.instance, by=call.user)
    account = save(form, form.save, call.now, codes=_CODES, names=issued.NAMES)
    if call.values.get("Disable"):
        issued_secrets.set_enabled(credential=account, is_enabled=False, by=call.user, now=call.now)
    return {
        "Name": account.username,
        "Password": form.issued_secret,
        "ExpiresAt": times.milliseconds(account.expires_at),
        "CreateTime": times.beijing(account.created_at),
    }


def list_page(call: Call) -> dict[str, Any]:
    """Return the service accounts of the instance."""
    found = AccessCredential.objects.filter(instance=call.instance, kind=CredentialKind.SERVICE)
    for place, entry in enumerate(call.values.get("Filters", [])):
        if entry["Name"] not in {"ServiceAccountName", "Name"}:
            raise invalid(f"Filters.{place}.Name")
        found = found.filter(username__in=[_full_name(name) for name in entry["Values"]])
    shown = found.order_by("-created_at", "-pk")
    if not call.values.get("All"):
        shown = shown[windows.by_row(call.values)]
    return {"ServiceAccounts": [_describe(account) for account in shown], "TotalCount": found.count()}


@transaction.atomic
def change(call: Call) -> dict[str, Any]:
    """Change what is given of a service account; permissions replace the whole set."""
    account = _get(call)
    values: dict[str, Any] = {}
    if "Description" in call.values:
        values["description"] = call.values["Description"]
    if "Permissions" in call.values:
        values["permissions"] = _permissions(call.values["Permissions"])
    if call.values.get("Duration") or call.values.get("ExpiresAt"):
        values["expires_at"] = _end(call)
    if values:
        issued.change(account, values, call)
    if "Disable" in call.values:
        issued_secrets.set_enabled(
            credential=account, is_enabled=not call.values["Disable"], by=call.user, now=call.now
        )
    return {}


def change_password(call: Call) -> dict[str, Any]:
    """Give a service account a new password; the old one is worthless at once."""
    account = _get(call)
    if not call.values["Random"]:
        raise CloudError(
            "OperationDenied", _("Passwords are generated here. Ask with Random=true, and keep the answer.")
        )
    secret = secrets.token_urlsafe(32)
    issued_secrets.change(credential=account, values={}, secret=secret, by=call.user, now=call.now)
    return {"Password": secret}


def delete(call: Call) -> dict[str, Any]:
    """Delete a service account."""
    issued_secrets.delete(credential=_get(call), by=call.user, now=call.now)
    return {}


def _get(call: Call) -> AccessCredential:
    name = _full_name(call.values["Name"])
    return issued.get(
        call, _("service account %(name)s") % {"name": name[:64]}, username=name, kind="service"
    )


def _full_name(name: str) -> str:
    """Return the name with its prefix: clients give it with and without."""
    return SERVICE_ACCOUNT_PREFIX + name.removeprefix(SERVICE_ACCOUNT_PREFIX)


def _permissions(asked: list[dict[str, Any]]) -> list[str]:
    """Return the lines that the form reads, such as `project: pull, push`."""
    lines = []
    for place, entry in enumerate(asked):
        unknown = set(entry["Actions"]) - _ACTS.keys()
        if unknown or not entry["Actions"]:
            raise invalid(f"Permissions.{place}.Actions", ", ".join(sorted(unknown))[:200])
        acts = sorted({_ACTS[act].value for act in entry["Actions"]})
        lines.append(f"{entry['Resource']}: {', '.join(acts)}")
    if not lines:
        raise invalid("Permissions")
    return lines


def _end(call: Call) -> datetime | None:
    """Return when it ends: days count more than a time; neither, or 0: never."""
    days, milliseconds = call.values.get("Duration", 0), call.values.get("ExpiresAt", 0)
    if not 0 <= days <= _MOST_DAYS:
        raise invalid("Duration")
    if not 0 <= milliseconds < _LATEST_MILLISECONDS:
        raise invalid("ExpiresAt")
    if days:
        return call.now + timedelta(days=days)
    return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds else None


def _describe(account: AccessCredential) -> dict[str, Any]:
    return {
        "Name": account.username,
        "Description": account.description,
        "Disable": not account.is_enabled,
        "ExpiresAt": times.milliseconds(account.expires_at),
        "CreateTime": times.beijing(account.created_at),
        "UpdateTime": times.beijing(account.created_at),
        "Permissions": [
            {"Resource": namespace, "Actions": [_WORDS[Act(act)] for act in acts]}
            for namespace, acts in account.permissions.items()
        ],
    }


ACTIONS = (
    Action(
        "CreateServiceAccount",
        create,
        {
            "RegistryId": text(required=True),
            "Name": text(required=True),
            "Permissions": many(objects.PERMISSION, required=True),
            "Description": text(),
            "Duration": number(),
            "ExpiresAt": number(),
            "Disable": flag(),
        },
        {
            "Name": text(required=True),
            "Password": text(required=True),
            "ExpiresAt": number(required=True),
            "CreateTime": text(required=True),
        },
        Right.VIEW,
        note=(
            "Nobody gives away more than they may do themselves: to pull needs `view`, to push `push`. The five "
            "`Actions` come down to pull and push."
        ),
    ),
    Action(
        "DescribeServiceAccounts",
        list_page,
        {
            "RegistryId": text(required=True),
            "All": flag(),
            "EmbedPermission": flag(),
            "Filters": many(objects.FILTER),
            "Offset": number(),
            "Limit": number(),
        },
        {
            "ServiceAccounts": many(objects.SERVICE_ACCOUNT, required=True),
            "TotalCount": number(required=True),
        },
        Right.VIEW,
        note="Permissions are always told. `UpdateTime` is the time of creation.",
    ),
    Action(
        "ModifyServiceAccount",
        change,
        {
            "RegistryId": text(required=True),
            "Name": text(required=True),
            "Description": text(),
            "Duration": number(),
            "ExpiresAt": number(),
            "Disable": flag(),
            "Permissions": many(objects.PERMISSION),
        },
        {},
        Right.VIEW,
        note="For the account's issuer and for who manages the instance.",
    ),
    Action(
        "ModifyServiceAccountPassword",
        change_password,
        {
            "RegistryId": text(required=True),
            "Name": text(required=True),
            "Random": flag(required=True),
            "Password": text(),
        },
        {"Password": text(required=True)},
        Right.VIEW,
        note="Passwords are generated: `Random` must be true, else `OperationDenied`.",
    ),
    Action(
        "DeleteServiceAccount",
        delete,
        {"RegistryId": text(required=True), "Name": text(required=True)},
        {},
        Right.VIEW,
        note="For the account's issuer and for who manages the instance.",
    ),
)
