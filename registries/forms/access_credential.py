"""The form of a credential that an instance's account issues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import naming
from registries.forms.acting import ActingForm
from registries.models import AccessCredential, Instance, User
from registries.services import access_credentials, issued_secrets


class NamespacesField(forms.Field):
    """Names of namespaces, as a list or as text with commas, blanks or line breaks between them."""

    widget = forms.TextInput

    def to_python(self, value: object) -> list[str]:
        """Return the names, each once, in their order."""
        words = value if isinstance(value, list | tuple) else str(value or "").replace(",", " ").split()
        return list(dict.fromkeys(str(word).strip() for word in words))

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError if one of them is not the name of a namespace."""
        for name in value:
            if not naming.CONNECTED_NAMESPACE.allows(name):
                sentence = _(naming.CONNECTED_NAMESPACE.sentence)
                raise ValidationError(f"“{name}”: {sentence}")

    def prepare_value(self, value: object) -> object:
        """Return what the input shows."""
        return ", ".join(value) if isinstance(value, list | tuple) else value


class AccessCredentialForm(ActingForm):
    """
    Issues a credential for the instance, or changes the secret and namespaces of one.

    `by` is the user in whose name it is issued: it can do no more than they can. After `save`,
    `issued_secret` is the secret of a new credential, which is not stored.
    """

    username = forms.CharField(
        label=gettext_lazy("Username"),
        required=False,
        help_text=gettext_lazy("Empty: a user-level credential, whose username is the Account ID."),
    )
    secret = forms.CharField(
        label=gettext_lazy("Secret"),
        required=False,
        strip=False,
        max_length=255,
        help_text=gettext_lazy("Empty: one is generated, and shown once."),
    )
    namespaces = NamespacesField(
        label=gettext_lazy("Namespaces"),
        required=False,
        help_text=gettext_lazy("Empty: every namespace of the instance."),
    )
    description = forms.CharField(label=gettext_lazy("Description"), max_length=255, required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        holder: Instance,
        by: User,
        instance: AccessCredential | None = None,
    ) -> None:
        super().__init__(data, by=by)
        self.issuer = by
        self.holder = holder
        self.instance = instance
        self.issued_secret = ""

    def clean_username(self) -> str:
        """Return the full name of a service-level account, or nothing for a user-level one."""
        value: str = self.cleaned_data["username"]
        if not value or value == self.holder.account.uin:
            return ""
        name = naming.SERVICE_ACCOUNT_PREFIX + value.removeprefix(naming.SERVICE_ACCOUNT_PREFIX)
        if not naming.SERVICE_ACCOUNT_NAME.allows(name):
            raise ValidationError(_(naming.SERVICE_ACCOUNT_NAME.sentence))
        others = AccessCredential.objects.filter(instance=self.holder, username=name)
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("The instance already has a service-level account of this name."))
        return name

    def save(self, now: datetime) -> AccessCredential:
        """
        Issue or change the credential of a valid form and return it.

        Raises PermissionDenied unless `by` may push to the instance.
        """
        values = self.cleaned_data
        if self.instance is None:
            credential, self.issued_secret = access_credentials.issue(
                instance=self.holder,
                by=self.issuer,
                now=now,
                username=values["username"],
                namespaces=values["namespaces"],
                description=values["description"],
                secret=values["secret"] or None,
            )
            return credential
        self.changes = issued_secrets.change(
            credential=self.instance,
            secret=values["secret"] or None,
            namespaces=values["namespaces"],
            by=self.issuer,
            now=now,
        )
        return self.instance
