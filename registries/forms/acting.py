"""What all forms of this package share: somebody who acts, and a record of what they changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from registries.models import User


def check_encodable(value: str) -> None:
    """Raise ValidationError for halves of surrogate pairs, which JSON can hold but no database takes."""
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValidationError(_("This holds a character that is none.")) from None


class ActingForm(forms.Form):
    """
    A form whose `save` calls a service.

    `by` is the acting user, None the platform's own command line. `changes` is, after `save` has changed
    something that existed, {field: [old, new]}; empty if nothing was different.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        by: User | None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.by = by
        self.changes: dict[str, Any] = {}
        super().__init__(data, initial=dict(initial or {}))
        for field in self.fields.values():
            if isinstance(field, forms.CharField):
                field.validators.append(check_encodable)

    def keep_if_absent(self, *names: str) -> None:
        """Leave alone those of these fields that the data does not hold at all: older callers don't know them."""
        for name in names:
            if self.is_bound and name in self.fields and name not in self.data:
                del self.fields[name]
