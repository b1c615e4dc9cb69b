"""What all forms of the console share: saving through a service, and typing a name to confirm."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, QueryDict
from django.utils import timezone
from django.utils.translation import gettext as _

from registries.policies import Refused

Saved = TypeVar("Saved")


class ConfirmationForm(forms.Form):
    """Confirms a destructive act: the user types the name of what will be gone."""

    name = forms.CharField(
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"})
    )

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.expected = name
        self.fields["name"].label = _("Type %(name)s to confirm") % {"name": name}
        self.fields["name"].widget.attrs["data-expected"] = name

    def clean_name(self) -> str:
        """Check that it is the name, letter by letter."""
        typed: str = self.cleaned_data["name"]
        if typed != self.expected:
            raise ValidationError(_("This is not the name."))
        return typed


def posted(request: HttpRequest) -> QueryDict | None:
    """Return what a form is bound to: the data of a POST, however empty, else None."""
    return request.POST if request.method == "POST" else None


def typed(form: type[forms.Form], data: QueryDict) -> dict[str, Any]:
    """Return what was typed into a form of this class, unchecked, to show it again as a form's initial values."""
    return {
        name: field.widget.value_from_datadict(data, {}, name) for name, field in form.base_fields.items()
    }


def save(form: forms.Form, act: Callable[[datetime], Saved]) -> Saved | None:
    """
    Return what `act` (the form's own `save`) made of a valid form, or None if it is not valid or was refused.

    A refusal becomes an error of the field it names, or of the whole form. A ValidationError means that `act` has
    noted its errors itself.
    """
    if not form.is_valid():
        return None
    try:
        return act(timezone.now())
    except Refused as refusal:
        form.add_error(refusal.field if refusal.field in form.fields else None, str(refusal))
    except PermissionDenied as refusal:
        form.add_error(None, str(refusal))
    except ValidationError:
        pass
    return None
