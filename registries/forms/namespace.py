"""The form of a namespace."""

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
from registries.forms.fields import GrammarField
from registries.models import Instance, Namespace, User
from registries.services import namespaces


class NamespaceForm(ActingForm):
    """Creates a namespace in the instance."""

    name = GrammarField(naming.NAMESPACE, label=gettext_lazy("Name"))
    is_public = forms.BooleanField(label=gettext_lazy("Public"), required=False)

    def __init__(self, data: Mapping[str, Any] | None = None, *, holder: Instance, by: User | None) -> None:
        super().__init__(data, by=by)
        self.holder = holder

    def clean_name(self) -> str:
        """Check that the instance has no other namespace of this name."""
        value: str = self.cleaned_data["name"]
        if Namespace.objects.filter(instance=self.holder, name=value).exists():
            raise ValidationError(_("The instance already has a namespace of this name."), code="taken")
        return value

    def save(self, now: datetime) -> Namespace:
        """Create the namespace of a valid form and return it; raises PermissionDenied, and Refused."""
        values = self.cleaned_data
        return namespaces.create(
            instance=self.holder, name=values["name"], is_public=values["is_public"], by=self.by, now=now
        )
