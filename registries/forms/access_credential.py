"""The forms of a credential that an instance's account issues."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import naming
from registries.forms.acting import ActingForm
from registries.forms.fields import MomentField
from registries.models import AccessCredential, Action, CredentialKind, Instance, User
from registries.services import access_credentials, issued_secrets

_MOST_NAMESPACES = 100
_INPUT_STEP = timedelta(minutes=1)  # an input of the browser knows no seconds


class NamespacesField(forms.Field):
    """Names of namespaces, as a list or as text with commas, blanks or line breaks between them."""

    widget = forms.TextInput

    def to_python(self, value: object) -> list[str]:
        """Return the names, each once, in their order."""
        words = value if isinstance(value, list | tuple) else str(value or "").replace(",", " ").split()
        return list(dict.fromkeys(str(word).strip() for word in words))

    def validate(self, value: list[str]) -> None:
        """Raise ValidationError if one of them is not the name of a namespace."""
        if len(value) > _MOST_NAMESPACES:
            raise ValidationError(_("Name 100 namespaces at most."))
        for name in value:
            _check_namespace(name)

    def prepare_value(self, value: object) -> object:
        """Return what the input shows."""
        return ", ".join(value) if isinstance(value, list | tuple) else value


class PermissionsField(forms.Field):
    """What may be done where: one `namespace: pull, push` a line, or a list of them; `*` is every namespace."""

    widget = forms.Textarea

    def to_python(self, value: object) -> dict[str, list[str]]:
        """Return {namespace: actions}; raises ValidationError for a line that says something else."""
        lines = value if isinstance(value, list | tuple) else str(value or "").splitlines()
        permissions: dict[str, list[str]] = {}
        for line in filter(None, (str(line).strip() for line in lines)):
            name, colon, words = line.partition(":")
            actions = words.replace(",", " ").lower().split()
            if not colon or not actions or set(actions) - set(Action.values):
                raise ValidationError(_("Write “%(line)s” like “project: pull, push”.") % {"line": line[:80]})
            name = name.strip()
            if name != naming.ALL_NAMESPACES:
                _check_namespace(name)
            permissions[name] = [action for action in Action.values if action in actions]
        if len(permissions) > _MOST_NAMESPACES:
            raise ValidationError(_("Name 100 namespaces at most."))
        return permissions

    def prepare_value(self, value: object) -> object:
        """Return what the input shows."""
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{name}: {', '.join(actions)}" for name, actions in value.items())


class CredentialFields(ActingForm):
    """What can be said of a credential at any time."""

    namespaces = NamespacesField(
        label=gettext_lazy("Namespaces"),
        required=False,
        help_text=gettext_lazy("Of a user-level credential. Empty: every namespace of the instance."),
    )
    permissions = PermissionsField(
        label=gettext_lazy("Permissions"),
        required=False,
        help_text=gettext_lazy(
            "Of a service-level account: one line for each namespace, such as “project: pull, push”; “*” is every "
            "namespace. Nobody can give away more than they may do themselves."
        ),
    )
    description = forms.CharField(label=gettext_lazy("Description"), max_length=255, required=False)
    expires_at = MomentField(
        label=gettext_lazy("Expires"),
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        help_text=gettext_lazy("Empty: never."),
    )

    def clean_expires_at(self) -> datetime | None:
        """Check that the end lies ahead."""
        value: datetime | None = self.cleaned_data["expires_at"]
        if value is None or value > timezone.now():
            return value
        stored: datetime | None = self.initial.get("expires_at")
        if stored is None or abs(value - stored) >= _INPUT_STEP:
            raise ValidationError(_("This time has passed."))
        return value


class AccessCredentialForm(CredentialFields):
    """
    Issues a credential for the instance, or makes a declared one as its file says.

    `by` is the user in whose name it is issued, None the platform: it can do no more than they can. After `save`,
    `issued_secret` is the secret of a new credential, which is not stored. Only the platform chooses secrets.
    """

    username = forms.CharField(
        label=gettext_lazy("Service account name"),
        required=False,
        help_text=gettext_lazy(
            "Empty: a user-level credential, whose username is the Account ID. That is what another account needs "
            "for cross-tenant synchronization."
        ),
    )
    secret = forms.CharField(label=gettext_lazy("Secret"), required=False, strip=False, max_length=255)
    is_temporary = forms.BooleanField(label=gettext_lazy("Temporary: ends after one hour"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        holder: Instance,
        by: User | None,
        instance: AccessCredential | None = None,
    ) -> None:
        super().__init__(data, by=by, initial={"expires_at": instance.expires_at} if instance else None)
        if by is not None:
            del self.fields["secret"]
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

    def clean(self) -> dict[str, Any]:
        """Check that the fields fit the kind."""
        values: dict[str, Any] = super().clean() or {}
        if values.get("username") and values.get("is_temporary"):
            self.add_error(
                "is_temporary", _("A service-level account is not temporary; give it an end instead.")
            )
        if not values.get("username", "-") and values.get("permissions"):
            self.add_error(
                "permissions", _("These are for service-level accounts. Name the namespaces instead.")
            )
        return values

    def save(self, now: datetime) -> AccessCredential:
        """
        Issue or change the credential of a valid form and return it.

        Raises PermissionDenied unless `by` may push to the instance, and ValidationError, having noted it at its
        field, if the name was taken meanwhile.
        """
        values = self.cleaned_data
        if self.instance is not None:
            self.changes = issued_secrets.change(
                credential=self.instance,
                values=self._declared(),
                secret=values.get("secret") or None,
                by=self.by,
                now=now,
            )
            return self.instance
        try:
            credential, self.issued_secret = access_credentials.issue(
                instance=self.holder,
                by=self.by,
                now=now,
                username=values["username"],
                namespaces=values["namespaces"],
                allowed=values["permissions"] or None,
                description=values["description"],
                secret=values.get("secret") or None,
                is_temporary=values["is_temporary"],
                expires_at=values["expires_at"],
            )
        except IntegrityError:
            message = _("The instance already has a service-level account of this name.")
            self.add_error("username", message)
            raise ValidationError(message) from None
        return credential

    def _declared(self) -> dict[str, Any]:
        values = self.cleaned_data
        shared = {"description": values["description"], "expires_at": values["expires_at"]}
        if not values["username"]:
            return shared | {"namespaces": values["namespaces"]}
        everything = {name: list(Action.values) for name in values["namespaces"] or [naming.ALL_NAMESPACES]}
        return shared | {"permissions": values["permissions"] or everything}


class CredentialChangeForm(CredentialFields):
    """Changes what can be changed of an issued credential: never its secret or its username."""

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, by: User | None, instance: AccessCredential
    ) -> None:
        names = ("namespaces", "permissions", "description", "expires_at")
        super().__init__(data, by=by, initial={name: getattr(instance, name) for name in names})
        self.instance = instance
        is_service = instance.kind == CredentialKind.SERVICE
        del self.fields["namespaces" if is_service else "permissions"]
        if is_service:
            self.fields["permissions"].required = True
        if instance.is_temporary:
            del self.fields["expires_at"]

    def save(self, now: datetime) -> AccessCredential:
        """Change the credential of a valid form and return it; raises PermissionDenied unless `by` may."""
        self.changes = issued_secrets.change(
            credential=self.instance, values=self.cleaned_data, by=self.by, now=now
        )
        return self.instance


def _check_namespace(name: str) -> None:
    if not naming.CONNECTED_NAMESPACE.allows(name):
        sentence = _(naming.CONNECTED_NAMESPACE.sentence)
        raise ValidationError(f"“{name}”: {sentence}")
