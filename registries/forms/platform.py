"""The forms of what the platform's operator provides: regions and backends."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.forms.models import model_to_dict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import naming
from registries.forms import endpoint as endpoint_rules
from registries.forms.acting import ActingForm
from registries.forms.fields import RegionChoiceField
from registries.models import Backend, Credential, Region, User
from registries.policies import Refused, check_can_move_backend
from registries.services import platform


class RegionForm(ActingForm):
    """Creates a region, or changes how one is named and numbered."""

    code = forms.CharField(label=gettext_lazy("Code"), max_length=40)
    numeric_id = forms.IntegerField(label=gettext_lazy("Numeric ID"), min_value=1, max_value=2_147_483_647)
    name_en = forms.CharField(label=gettext_lazy("English name"), max_length=80)
    name_zh = forms.CharField(label=gettext_lazy("Chinese name"), max_length=80)
    jurisdiction = forms.CharField(
        label=gettext_lazy("Jurisdiction"),
        max_length=40,
        help_text=gettext_lazy(
            "Replication between regions of different jurisdictions is cross-border and refused."
        ),
    )

    def __init__(
        self, data: Mapping[str, Any] | None = None, *, by: User | None, instance: Region | None = None
    ) -> None:
        super().__init__(data, by=by, initial=model_to_dict(instance) if instance else None)
        self.instance = instance

    def clean_code(self) -> str:
        """Check the grammar of the code and that it is free."""
        value: str = self.cleaned_data["code"]
        if not naming.REGION_CODE.allows(value):
            raise ValidationError(_(naming.REGION_CODE.sentence))
        if self._others().filter(code=value).exists():
            raise ValidationError(_("Another region has this code."))
        return value

    def clean_numeric_id(self) -> int:
        """Check that no other region has the number."""
        value: int = self.cleaned_data["numeric_id"]
        other = self._others().filter(numeric_id=value).first()
        if other:
            raise ValidationError(_("The region %(code)s has this number.") % {"code": other.code})
        return value

    def save(self, now: datetime) -> Region:
        """Create or change the region of a valid form and return it."""
        if self.instance is None:
            return platform.create_region(values=self.cleaned_data, by=self.by, now=now)
        self.changes = platform.update_region(
            region=self.instance, values=self.cleaned_data, by=self.by, now=now
        )
        return self.instance

    def _others(self) -> QuerySet[Region]:
        return Region.objects.exclude(pk=self.instance.pk) if self.instance else Region.objects.all()


class BackendForm(ActingForm):
    """
    Attaches a real registry to a region, or changes one; an empty password of an existing one is kept.

    `with_switch` adds the field that takes a backend out of service, for faces in which a box that is not ticked
    means no.
    """

    code = forms.SlugField(label=gettext_lazy("Code"), max_length=63)
    region = RegionChoiceField(label=gettext_lazy("Region"))
    endpoint_url = forms.CharField(label=gettext_lazy("Endpoint"), max_length=255)
    username = forms.CharField(label=gettext_lazy("Username"), max_length=255, required=False)
    password = forms.CharField(
        label=gettext_lazy("Password"), required=False, strip=False, widget=forms.PasswordInput
    )
    verify_tls = forms.BooleanField(
        label=gettext_lazy("Verify the TLS certificate"), required=False, initial=True
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("CA certificate (PEM)"), required=False, widget=forms.Textarea
    )
    capacity = forms.IntegerField(
        label=gettext_lazy("Capacity"),
        required=False,
        min_value=0,
        max_value=1_000_000,
        help_text=gettext_lazy(
            "How many hosted instances and replicas it takes; a full one takes no new ones. Empty: any number."
        ),
    )
    is_active = forms.BooleanField(
        label=gettext_lazy("In service"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Off: it takes nothing new. What lives in it goes on."),
    )

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        by: User | None,
        instance: Backend | None = None,
        with_switch: bool = False,
    ) -> None:
        super().__init__(data, by=by, initial=values_of_backend(instance) if instance else None)
        self.instance = instance
        self.keep_if_absent("capacity")
        if not with_switch:
            del self.fields["is_active"]

    def clean_code(self) -> str:
        """Check that no other backend has the code."""
        value: str = self.cleaned_data["code"]
        others = Backend.objects.filter(code=value)
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("Another backend has this code."))
        return value

    def clean_region(self) -> Region:
        """Check that a backend in which something lives stays in its region."""
        region: Region = self.cleaned_data["region"]
        if self.instance:
            try:
                check_can_move_backend(self.instance, region)
            except Refused as refused:
                raise ValidationError(str(refused)) from None
        return region

    def clean_endpoint_url(self) -> str:
        """Return the address as `scheme://host[:port]`."""
        return endpoint_rules.clean_url(self.cleaned_data["endpoint_url"])

    def clean_ca_pem(self) -> str:
        """Check that certificates can be read."""
        return endpoint_rules.clean_ca_pem(self.cleaned_data["ca_pem"])

    def clean(self) -> dict[str, Any]:
        """Check that username and password belong together, and to this address."""
        values: dict[str, Any] = super().clean() or {}
        if self.errors:
            return values
        stored = Credential.objects.filter(backend=self.instance).first() if self.instance else None
        if not values["username"] and values["password"]:
            self.add_error("username", _("Enter the username that belongs to the password."))
        elif values["username"] and not values["password"]:
            is_kept = (
                stored is not None
                and stored.username == values["username"]
                and self.instance is not None
                and self.instance.endpoint_url == values["endpoint_url"]
            )
            if not is_kept:
                self.add_error("password", _("Enter the password."))
        return values

    def save(self, now: datetime) -> Backend:
        """Create or change the backend of a valid form and return it."""
        values = dict(self.cleaned_data)
        credential = (values.pop("username"), values.pop("password") or None)
        if self.instance is None:
            return platform.create_backend(values=values, credential=credential, by=self.by, now=now)
        self.changes = platform.update_backend(
            backend=self.instance, values=values, credential=credential, by=self.by, now=now
        )
        return self.instance


def values_of_backend(backend: Backend) -> dict[str, Any]:
    """Return the data with which a BackendForm would leave the backend as it is."""
    credential = Credential.objects.filter(backend=backend).first()
    return {
        "code": backend.code,
        "region": backend.region.code,
        "endpoint_url": backend.endpoint_url,
        "username": credential.username if credential else "",
        "password": "",
        "verify_tls": backend.verify_tls,
        "ca_pem": backend.ca_pem,
        "capacity": backend.capacity,
        "is_active": backend.is_active,
    }
