"""The forms of accounts, their users, and the platform's staff."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import naming, permissions
from registries.forms.acting import ActingForm
from registries.models import Account, Role, User
from registries.services import accounts

_USERNAME = re.compile(r"[^\s@/:]+")


def check_username(value: str) -> None:
    """Raise ValidationError if the username can't be part of a sign-in name."""
    if not _USERNAME.fullmatch(value):
        raise ValidationError(_("A username has no blanks and none of “@”, “/” and “:”."))


class AccountForm(ActingForm):
    """Creates an account, or changes the name of one."""

    uin = forms.CharField(label=gettext_lazy("Account ID"))
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, by: User | None, instance: Account | None = None
    ) -> None:
        super().__init__(data, by=by)
        self.instance = instance

    def clean_uin(self) -> str:
        """Check the grammar of the Account ID, and that it stays what it is."""
        value: str = self.cleaned_data["uin"]
        if not naming.ACCOUNT_ID.allows(value):
            raise ValidationError(_(naming.ACCOUNT_ID.sentence))
        if self.instance and self.instance.uin != value:
            raise ValidationError(_("The ID of an account cannot be changed."))
        if not self.instance and Account.objects.filter(uin=value).exists():
            raise ValidationError(_("Another account has this ID."))
        return value

    def save(self, now: datetime) -> Account:
        """Create or change the account of a valid form and return it."""
        name = self.cleaned_data["name"]
        if self.instance is None:
            return accounts.create(uin=self.cleaned_data["uin"], name=name, by=self.by, now=now)
        self.changes = accounts.update(account=self.instance, name=name, by=self.by, now=now)
        return self.instance


class _PasswordHolderForm(ActingForm):
    """
    What users of accounts and staff share: a username, and a password that is written only.

    A weak password is refused, except from the platform itself, which gets it told in `warnings`.
    """

    username = forms.CharField(label=gettext_lazy("Username"), max_length=100, validators=[check_username])
    password = forms.CharField(
        label=gettext_lazy("Password"), required=False, strip=False, widget=forms.PasswordInput
    )
    email = forms.EmailField(label=gettext_lazy("Email"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, by: User | None, instance: User | None = None
    ) -> None:
        super().__init__(data, by=by)
        self.instance = instance
        self.warnings: list[tuple[str, str]] = []

    def clean_password(self) -> str:
        """Check that there is a password, and that it is not a weak one."""
        value: str = self.cleaned_data["password"]
        if not value:
            if self.instance is None:
                raise ValidationError(_("Enter a password."))
            return value
        if self.instance and self.instance.check_password(value):
            return ""
        subject = User(
            username=self.cleaned_data.get("username", ""), email=str(self.data.get("email") or "")
        )
        try:
            password_validation.validate_password(value, subject)
        except ValidationError as weak:
            if not permissions.is_platform(self.by):
                raise
            self.warnings = [("password", message) for message in weak.messages]
        return value


class UserForm(_PasswordHolderForm):
    """Creates a user of the account or changes one; an empty password of an existing user is kept."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        account: Account,
        by: User | None,
        instance: User | None = None,
    ) -> None:
        super().__init__(data, by=by, instance=instance)
        self.account = account

    def clean(self) -> dict[str, Any]:
        """Check that the username is free in the account."""
        values: dict[str, Any] = super().clean() or {}
        others = User.objects.filter(account=self.account, username=values.get("username"))
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            self.add_error("username", _("The account already has a user of this name."))
        return values

    def save(self, now: datetime) -> User:
        """Create or change the user of a valid form and return it."""
        values = self.cleaned_data
        if self.instance is None:
            return accounts.create_user(
                account=self.account,
                username=values["username"],
                password=values["password"],
                role=values["role"],
                email=values["email"],
                by=self.by,
                now=now,
            )
        self.changes = accounts.update_user(
            user=self.instance,
            values={"role": values["role"], "email": values["email"]},
            password=values["password"] or None,
            by=self.by,
            now=now,
        )
        return self.instance


class StaffForm(_PasswordHolderForm):
    """Creates a member of the platform's staff or changes one."""

    def clean(self) -> dict[str, Any]:
        """Check that the sign-in name is free."""
        values: dict[str, Any] = super().clean() or {}
        others = User.objects.filter(login=values.get("username"))
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            self.add_error("username", _("Somebody else signs in with this name."))
        return values

    def save(self, now: datetime) -> User:
        """Create or change the member of staff of a valid form and return them."""
        values = self.cleaned_data
        if self.instance is None:
            return accounts.create_staff(
                username=values["username"],
                password=values["password"],
                email=values["email"],
                by=self.by,
                now=now,
            )
        self.changes = accounts.update_user(
            user=self.instance,
            values={"email": values["email"]},
            password=values["password"] or None,
            by=self.by,
            now=now,
        )
        return self.instance
