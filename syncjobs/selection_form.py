"""What a rule selects and maps, of its form: checked alone while the rest is still being typed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from registries.forms.acting import ActingForm
from registries.models import User
from syncjobs import matching
from syncjobs.fields import RuleFields
from syncjobs.models import FilterSyntax
from syncjobs.planner import Selection

_FILTERS = ("repository", "tag")


class SelectionForm(ActingForm):
    """The fields of a rule that decide which names match; nothing has to be filled in yet."""

    namespace = RuleFields.base_fields["namespace"]
    repository = RuleFields.base_fields["repository"]
    tag = RuleFields.base_fields["tag"]
    syntax = RuleFields.base_fields["syntax"]
    target_namespace = RuleFields.base_fields["target_namespace"]
    is_flattened = RuleFields.base_fields["is_flattened"]

    def __init__(self, data: Mapping[str, Any], *, by: User | None) -> None:
        super().__init__(data, by=by)
        self.fields["namespace"].required = False

    def clean(self) -> dict[str, Any]:
        """Check the filters."""
        values: dict[str, Any] = super().clean() or {}
        check_filters(self, values)
        return values

    @property
    def selection(self) -> Selection:
        """What a valid form selects."""
        values = self.cleaned_data
        return Selection(
            namespace=values["namespace"],
            repository=values["repository"],
            tag=values["tag"],
            syntax=matching.Syntax(values["syntax"]),
            target_namespace=values["target_namespace"],
            flatten=values["is_flattened"],
        )


def check_filters(form: forms.Form, values: dict[str, Any]) -> None:
    """
    Note at its field what is wrong with a filter of the form, with the place (`params["position"]`, from 0).

    Writes the guessed syntax into `values` where none was given.
    """
    if "syntax" in form.errors:
        return
    texts = {name: values[name] for name in _FILTERS if name in values}
    if not values["syntax"]:
        guesses = {matching.guess_syntax(text) for text in texts.values()}
        is_regex = matching.Syntax.REGEX in guesses
        values["syntax"] = FilterSyntax.REGEX if is_regex else FilterSyntax.PATTERN
    for name, text in texts.items():
        try:
            matching.compile_filter(text, matching.Syntax(values["syntax"]))
        except matching.PatternError as error:
            place = _("(character %(position)d)") % {"position": error.position + 1}
            form.add_error(
                name,
                ValidationError(
                    f"{_(str(error.message))} {place}",
                    code="invalid_filter",
                    params={"position": error.position},
                ),
            )
