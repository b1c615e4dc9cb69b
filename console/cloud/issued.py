"""What tokens and service accounts share: both are access credentials that an instance has issued."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from console.cloud.actions import Call
from console.cloud.errors import not_in_instance, save
from registries.forms import CredentialChangeForm
from registries.models import AccessCredential

NAMES = {
    "description": "Description",
    "expires_at": "ExpiresAt",
    "permissions": "Permissions",
    "username": "Name",
}
"""What callers call the fields of the form."""


def get(call: Call, what: str, **lookup: str) -> AccessCredential:
    """Return the credential of the instance; raises CloudError if there is none, of which `what` tells."""
    found = AccessCredential.objects.filter(instance=call.instance, **lookup)
    credential = found.select_related("instance__account", "created_by").first()
    if credential is None:
        raise not_in_instance(what)
    return credential


def change(credential: AccessCredential, values: Mapping[str, Any], call: Call) -> None:
    """Change these values of a credential and leave the rest."""
    stored = CredentialChangeForm(None, by=call.user, instance=credential)
    data = {name: field.prepare_value(stored.initial.get(name)) for name, field in stored.fields.items()}
    form = CredentialChangeForm(data | dict(values), by=call.user, instance=credential)
    save(form, form.save, call.now, codes={}, names=NAMES)
