"""Form fields that more than one form needs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import bandwidth
from registries.models import InstanceKind, Region
from registries.naming import Grammar


class GrammarField(forms.CharField):
    """A name that has a grammar (`registries/naming.py`); empty passes if it is not required."""

    def __init__(self, grammar: Grammar, **options: Any) -> None:
        self._grammar = grammar
        super().__init__(**options)

    def validate(self, value: str) -> None:
        """Raise ValidationError, with the grammar in words, if the name is another."""
        super().validate(value)
        if value and not self._grammar.allows(value):
            raise ValidationError(_(self._grammar.sentence))


class RegionSelect(forms.Select):
    """
    A choice of regions. Those without room are marked, so that the page hides them where room is needed.

    `regions_with_room` are ids; None marks nothing. The mark is `data-when` of `static/js/console.js`.
    """

    regions_with_room: set[int] | None = None

    def create_option(self, name: str, value: Any, *args: Any, **options: Any) -> dict[str, Any]:
        """Return one region, or the empty choice, as the template of the widget wants it."""
        option = super().create_option(name, value, *args, **options)
        region = getattr(value, "instance", None)
        has_room = region is None or self.regions_with_room is None or region.pk in self.regions_with_room
        if not has_room:
            option["attrs"]["data-when"] = InstanceKind.CONNECTED.value
        return option


class RegionChoiceField(forms.ModelChoiceField):  # type: ignore[type-arg]  # no generics at run time
    """Regions by code, shown by name in the vendor's order."""

    widget = RegionSelect

    def __init__(self, **options: Any) -> None:
        unknown = {"invalid_choice": gettext_lazy("There is no region “%(value)s”.")}
        super().__init__(
            queryset=Region.objects.all(),
            to_field_name="code",
            empty_label=gettext_lazy("Choose a region"),
            error_messages=unknown | options.pop("error_messages", {}),
            **options,
        )

    def label_from_instance(self, obj: Region) -> str:
        """Return the name and the code."""
        return f"{obj.name} ({obj.code})"


class MomentField(forms.DateTimeField):
    """A time. What is none is an error, whatever kind of value JSON or YAML brought, and so is a year 10000."""

    def to_python(self, value: Any) -> datetime | None:
        """Return the time, aware of its zone; raises ValidationError."""
        is_text = not isinstance(value, date) and value not in self.empty_values
        try:
            moment: datetime | None = super().to_python(str(value) if is_text else value)
            if moment is not None:
                moment.astimezone(UTC)  # what databases store
        except OverflowError:
            raise ValidationError(self.error_messages["invalid"], code="invalid") from None
        return moment


class QuantityField(forms.Field):
    """A whole number, written as such or with a unit ; empty is None."""

    widget = forms.TextInput

    def __init__(
        self,
        *,
        parse: Callable[[str], int | None],
        bounds: tuple[int, int],
        message: str | Promise,
        show: Callable[[int], str] = str,
        **options: Any,
    ) -> None:
        self._parse = parse
        self._bounds = bounds
        self._message = message
        self._show = show
        super().__init__(**options)

    def to_python(self, value: object) -> int | None:
        """Return the number; raises ValidationError if there is none, or it is out of bounds."""
        if value is None or str(value).strip() == "":
            return None
        try:
            number = self._parse(str(value))
        except ValueError:
            raise ValidationError(str(self._message)) from None
        minimum, maximum = self._bounds
        if number is not None and not minimum <= number <= maximum:
            raise ValidationError(str(self._message))
        return number

    def prepare_value(self, value: object) -> object:
        """Return what the input shows: what was typed, or a stored number with its unit."""
        return self._show(value) if isinstance(value, int) else value


class BandwidthField(QuantityField):
    """A limit in bytes per second, or a rate such as “10 MB/s”; empty and “unlimited” are None."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Bandwidth limit"),
            required=False,
            parse=bandwidth.parse_rate,
            show=show_rate,
            bounds=(1024, 10**12),
            message=gettext_lazy("Enter bytes per second, or a rate such as “10 MB/s”; at least 1 KiB/s."),
            help_text=gettext_lazy("Empty: unlimited."),
        )


class BandwidthWindowsField(forms.CharField):
    """Other limits at certain hours, in the language of `registries/bandwidth.py`."""

    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Bandwidth by the hour"),
            required=False,
            max_length=255,
            help_text=gettext_lazy("Such as: 08:00-18:00 5MB/s; 22:00-06:00 unlimited"),
        )

    def validate(self, value: str) -> None:
        """Raise ValidationError if it is not a list of windows."""
        super().validate(value)
        try:
            bandwidth.parse_windows(value)
        except bandwidth.InvalidBandwidth as error:
            raise ValidationError(_(error.sentence) % {"text": error.text}) from None


def show_rate(bytes_per_second: int) -> str:
    """Return a text that `bandwidth.parse_rate` reads back as the same number."""
    for unit, factor in (("GB/s", 10**9), ("MB/s", 10**6), ("kB/s", 10**3)):
        whole, rest = divmod(bytes_per_second, factor)
        if whole and not rest:
            return f"{whole} {unit}"
    return f"{bytes_per_second} B/s"
