"""The form by which users issue API tokens to themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from registries.forms.acting import ActingForm
from registries.models import ApiToken, TokenScope, User
from registries.services import api_tokens


class ApiTokenForm(ActingForm):
    """Issues a token of `by`. After `save`, `issued_text` is what programs present; it is not stored."""

    description = forms.CharField(
        label=gettext_lazy("Description"),
        max_length=255,
        help_text=gettext_lazy("What will use it, so that you know later what you revoke."),
    )
    scope = forms.ChoiceField(
        label=gettext_lazy("Scope"),
        choices=TokenScope,
        initial=TokenScope.READ,
        help_text=gettext_lazy(
            "Read: look at everything. Operate: rules and executions as well. Administer: everything that you may do."
        ),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Valid for, days"),
        min_value=1,
        max_value=api_tokens.LONGEST_LIFE.days - 1,
        initial=90,
    )

    def __init__(self, data: Mapping[str, Any] | None = None, *, by: User) -> None:
        super().__init__(data, by=by)
        self.holder = by
        self.issued_text = ""

    def save(self, now: datetime) -> ApiToken:
        """Issue the token of a valid form and return it; raises Refused if its user has too many."""
        values = self.cleaned_data
        token, self.issued_text = api_tokens.issue(
            scope=TokenScope(values["scope"]),
            expires_at=now + timedelta(days=values["days"]),
            description=values["description"],
            by=self.holder,
            now=now,
        )
        return token
