"""
Instance tokens: user-level access credentials. One of the type `longterm` lives for ten years, as the vendor's do.

Source: reference/tencent-api.md 1.5 and 3.8.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext as _

from console.cloud import issued, objects, times, windows
from console.cloud.actions import Action, Call, Right
from console.cloud.errors import invalid, save
from console.cloud.shapes import flag, many, number, text
from registries.forms import AccessCredentialForm
from registries.models import AccessCredential, CredentialKind
from registries.services import issued_secrets

LONG_TERM = timedelta(hours=87_600)

_CHANGE_DESCRIPTION, _SWITCH = 1, 2


def create(call: Call) -> dict[str, Any]:
    """Issue a user-level credential in the caller's name; its secret is in this answer and nowhere else."""
    kind = call.values.get("TokenType", "") or "temp"
    if kind not in {"longterm", "temp"}:
        raise invalid("TokenType")
    data = {"description": call.values.get("Desc", ""), "is_temporary": kind == "temp"}
    if kind == "longterm":
        data["expires_at"] = call.now + LONG_TERM
    form = AccessCredentialForm(data, holder=call.instance, by=call.user)
    credential = save(form, form.save, call.now, codes={}, names={"description": "Desc"})
    return {
        "Username": credential.username,
        "Token": form.issued_secret,
        "ExpTime": times.milliseconds(credential.expires_at),
        "TokenId": "" if credential.is_temporary else credential.token_id,
    }


def list_page(call: Call) -> dict[str, Any]:
    """Return the long-term credentials of the instance, never a secret."""
    found = AccessCredential.objects.filter(
        instance=call.instance, kind=CredentialKind.USER, is_temporary=False
    ).order_by("-created_at", "-pk")
    return {
        "TotalCount": found.count(),
        "Tokens": [
            {
                "Id": token.token_id,
                "Desc": token.description,
                "RegistryId": call.instance.instance_id,
                "Enabled": token.is_enabled,
                "CreatedAt": times.beijing(token.created_at),
                "ExpiredAt": times.milliseconds(token.expires_at),
            }
            for token in found[windows.by_row(call.values)]
        ],
    }


def change(call: Call) -> dict[str, Any]:
    """Switch a token on or off, or change its description: `ModifyFlag` says which."""
    token = _get(call)
    what = call.values.get("ModifyFlag", 0) or _SWITCH
    if what == _CHANGE_DESCRIPTION:
        issued.change(token, {"description": call.values.get("Desc", "")}, call)
    elif what == _SWITCH:
        if "Enable" in call.values:
            issued_secrets.set_enabled(
                credential=token, is_enabled=call.values["Enable"], by=call.user, now=call.now
            )
    else:
        raise invalid("ModifyFlag")
    return {}


def delete(call: Call) -> dict[str, Any]:
    """Delete a token."""
    issued_secrets.delete(credential=_get(call), by=call.user, now=call.now)
    return {}


def _get(call: Call) -> AccessCredential:
    return issued.get(
        call, _("token %(id)s") % {"id": call.values["TokenId"][:64]}, token_id=call.values["TokenId"]
    )


ACTIONS = (
    Action(
        "CreateInstanceToken",
        create,
        {"RegistryId": text(required=True), "TokenType": text(), "Desc": text()},
        {
            "Username": text(required=True),
            "Token": text(required=True),
            "ExpTime": number(required=True),
            "TokenId": text(required=True),
        },
        Right.PUSH,
        note="The username is the Account ID. A token does what its issuer may at that moment.",
    ),
    Action(
        "DescribeInstanceToken",
        list_page,
        {"RegistryId": text(required=True), "Limit": number(), "Offset": number()},
        {"TotalCount": number(required=True), "Tokens": many(objects.TCR_INSTANCE_TOKEN, required=True)},
        Right.VIEW,
        note="`ExpiredAt` is 0 for credentials without an end, which the pages issue.",
    ),
    Action(
        "ModifyInstanceToken",
        change,
        {
            "TokenId": text(required=True),
            "RegistryId": text(required=True),
            "Enable": flag(),
            "Desc": text(),
            "ModifyFlag": number(),
        },
        {},
        Right.VIEW,
        note="For the token's issuer and for who manages the instance.",
    ),
    Action(
        "DeleteInstanceToken",
        delete,
        {"RegistryId": text(required=True), "TokenId": text(required=True)},
        {},
        Right.VIEW,
        note="For the token's issuer and for who manages the instance.",
    ),
)
