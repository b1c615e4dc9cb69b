"""The form that invites somebody to an account."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import permissions
from registries.forms.account import check_username
from registries.forms.acting import ActingForm
from registries.models import Account, Invitation, Role, User
from registries.services import invitations


class InvitationForm(ActingForm):
    """
    Invites somebody to the account, with a role that is not above that of `by`.

    After `save`, `token` is what the link holds; it is not stored.
    """

    username = forms.CharField(label=gettext_lazy("Username"), max_length=100, validators=[check_username])
    role = forms.ChoiceField(label=gettext_lazy("Role"), choices=Role, initial=Role.VIEWER)
    email = forms.EmailField(
        label=gettext_lazy("Email"),
        required=False,
        help_text=gettext_lazy("For your information; no mail is sent."),
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, account: Account, by: User | None) -> None:
        super().__init__(data, by=by)
        self.account = account
        self.token = ""
        username, role = self.fields["username"], self.fields["role"]
        username.help_text = _("They will sign in as username@%(uin)s.") % {"uin": account.uin}
        role.choices = roles_to_give(by, account)  # type: ignore[attr-defined]

    def save(self, now: datetime) -> Invitation:
        """
        Store the invitation of a valid form and return it.

        Raises PermissionDenied unless `by` may give the role, and Refused if the username is taken.
        """
        values = self.cleaned_data
        invitation, self.token = invitations.create(
            account=self.account,
            username=values["username"],
            role=values["role"],
            email=values["email"],
            by=self.by,
            now=now,
        )
        return invitation


def roles_to_give(by: User | None, account: Account) -> list[tuple[str, str]]:
    """Return the choices of roles that `by` may give in the account."""
    return [
        (value, str(label)) for value, label in Role.choices if permissions.can_give_role(by, value, account)
    ]
