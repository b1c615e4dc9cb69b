"""The forms that change what a user of an account is and may do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from registries.forms.acting import ActingForm
from registries.forms.invitation import roles_to_give
from registries.models import Account, Grant, Instance, Permission, Role, User
from registries.services import accounts, grants


class MemberForm(ActingForm):
    """Changes role and email of a user; the role is not above that of `by`."""

    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role)
    email = forms.EmailField(label=gettext_lazy("Email"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, account: Account, instance: User, by: User | None
    ) -> None:
        super().__init__(data, by=by, initial={"role": instance.role, "email": instance.email})
        self.instance = instance
        self.fields["role"].choices = roles_to_give(by, account)  # type: ignore[attr-defined]

    def save(self, now: datetime) -> User:
        """
        Change the user of a valid form and return them.

        Raises PermissionDenied, and Refused if the account would lose its last owner.
        """
        values = {"role": self.cleaned_data["role"], "email": self.cleaned_data["email"]}
        self.changes = accounts.update_user(
            user=self.instance, values=values, password=None, by=self.by, now=now
        )
        return self.instance


class GrantForm(ActingForm):
    """Gives the user a permission on one instance of their account, instead of an earlier one (`instance`)."""

    instance_id = forms.ChoiceField(label=gettext_lazy("Instance"))
    permission = forms.ChoiceField(label=gettext_lazy("Permission"), choices=Permission)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        user: User,
        by: User | None,
        instance: Grant | None = None,
    ) -> None:
        super().__init__(data, by=by)
        self.user = user
        self.instance = instance
        instances = Instance.objects.filter(account=user.account_id).order_by("name")
        self.fields["instance_id"].choices = [  # type: ignore[attr-defined]
            (one.instance_id, f"{one.name} ({one.instance_id})") for one in instances
        ]

    def save(self, now: datetime) -> Grant:
        """Store the grant of a valid form and return it; raises PermissionDenied."""
        grant, self.changes = grants.give(
            user=self.user,
            instance=Instance.objects.select_related("account").get(
                instance_id=self.cleaned_data["instance_id"]
            ),
            permission=self.cleaned_data["permission"],
            by=self.by,
            now=now,
        )
        return grant
