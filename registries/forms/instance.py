"""The form of an instance, connected or hosted: the single gate for pages, REST, admin and files."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from registries import naming
from registries.forms import endpoint as endpoint_rules
from registries.forms.acting import ActingForm
from registries.forms.fields import BandwidthField, BandwidthWindowsField, RegionChoiceField, RegionSelect
from registries.models import Account, Credential, Edition, Health, Instance, InstanceKind, Region, User
from registries.oci.endpoint import Endpoint
from registries.policies import Refused, check_can_change_edition, check_can_change_region
from registries.services import backends, connections, instances

_CONNECTION_FIELDS = ("endpoint_url", "username", "password", "verify_tls", "ca_pem", "skip_check")
_LIMIT_FIELDS = ("requests_per_second", "bandwidth", "bandwidth_windows")
_MODEL_FIELDS = (
    "name",
    "edition",
    "region",
    "endpoint_url",
    "verify_tls",
    "ca_pem",
    *_LIMIT_FIELDS,
    "is_deletion_protected",
)


class InstanceForm(ActingForm):
    """
    Creates or changes an instance of the account; `by` None is the platform's own command line.

    The password is write-only: empty on a change keeps the stored one. A new or changed connection is tried
    unless `check` is False or the user says so. `with_id` adds the field `instance_id`, for the platform. Of a
    hosted instance, what is said about a connection is ignored: it lives in a backend of its region.
    """

    instance_id = forms.CharField(label=gettext_lazy("Instance ID"), required=False)
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"),
        choices=[
            (InstanceKind.CONNECTED, gettext_lazy("Connected: a registry that exists already")),
            (InstanceKind.HOSTED, gettext_lazy("Hosted: a new registry on this platform")),
        ],
        initial=InstanceKind.CONNECTED,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(label=gettext_lazy("Name"), max_length=50)
    edition = forms.ChoiceField(
        label=gettext_lazy("Edition"),
        choices=Edition,
        initial=Edition.STANDARD,
        help_text=gettext_lazy(
            "Synchronization rules need standard or premium, replicas premium. It can only be raised."
        ),
    )
    region = RegionChoiceField(label=gettext_lazy("Region"))
    endpoint_url = forms.CharField(
        label=gettext_lazy("Endpoint"),
        max_length=255,
        help_text=gettext_lazy("The address of the registry, such as https://registry.example.com."),
    )
    username = forms.CharField(
        label=gettext_lazy("Username"),
        max_length=255,
        required=False,
        help_text=gettext_lazy("Empty: everybody may use the registry without signing in."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"), required=False, strip=False, widget=forms.PasswordInput
    )
    verify_tls = forms.BooleanField(
        label=gettext_lazy("Verify the TLS certificate"), required=False, initial=True
    )
    ca_pem = forms.CharField(
        label=gettext_lazy("CA certificate (PEM)"),
        required=False,
        widget=forms.Textarea,
        help_text=gettext_lazy("Only for a registry whose certificate comes from an authority of your own."),
    )
    requests_per_second = forms.FloatField(
        label=gettext_lazy("Requests per second, at most"),
        required=False,
        min_value=0.1,
        max_value=100_000,
        help_text=gettext_lazy("Empty: as many as the registry bears."),
    )
    bandwidth = BandwidthField()
    bandwidth_windows = BandwidthWindowsField()
    is_deletion_protected = forms.BooleanField(label=gettext_lazy("Deletion protection"), required=False)
    skip_check = forms.BooleanField(label=gettext_lazy("Save without testing the connection"), required=False)

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        account: Account,
        by: User | None,
        instance: Instance | None = None,
        check: bool = True,
        with_id: bool = False,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.account = account
        self.instance = instance
        self.was_tried = False  # the connection of the form, with success
        self._check = check
        self._stored = Credential.objects.filter(instance=instance).first() if instance else None
        stored_values = values_of(instance) if instance else {}
        super().__init__(data, by=by, initial=stored_values | dict(initial or {}))
        self.keep_if_absent(*_LIMIT_FIELDS, "kind")
        if not with_id:
            del self.fields["instance_id"]
        if instance:
            self.fields.pop("kind", None)
        if instance and instance.kind == InstanceKind.HOSTED:
            for name in _CONNECTION_FIELDS:
                del self.fields[name]
        elif self.is_hosted:
            self.fields["endpoint_url"].required = False

    def mark_regions_without_room(self) -> None:
        """Let the page hide, for a hosted instance, the regions without room; what is posted is checked as before."""
        widget = cast(RegionSelect, self.fields["region"].widget)
        widget.regions_with_room = backends.list_regions_with_room()

    def clean_instance_id(self) -> str:
        """Check the form of a given instance ID and that it is free."""
        value: str = self.cleaned_data["instance_id"]
        if self.instance:
            if value not in {"", self.instance.instance_id}:
                raise ValidationError(
                    _("The instance has the ID %(id)s, which cannot be changed.")
                    % {"id": self.instance.instance_id}
                )
        elif value and not naming.INSTANCE_ID.allows(value):
            raise ValidationError(_(naming.INSTANCE_ID.sentence))
        elif value and Instance.objects.filter(instance_id=value).exists():
            raise ValidationError(_("Another instance has this ID."))
        return value

    def clean_name(self) -> str:
        """Check the grammar of the name and that the account has no other instance of it."""
        value: str = self.cleaned_data["name"]
        if not naming.INSTANCE_NAME.allows(value):
            raise ValidationError(_(naming.INSTANCE_NAME.sentence))
        others = Instance.objects.filter(account=self.account, name=value)
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("The account already has an instance of this name."))
        return value

    def clean_edition(self) -> str:
        """Check that the edition does not go down."""
        value: str = self.cleaned_data["edition"]
        if self.instance:
            try:
                check_can_change_edition(self.instance, value)
            except Refused as refused:
                raise ValidationError(str(refused)) from None
        return value

    def clean_region(self) -> Region:
        """Check that an existing instance may move there, and that a new hosted one finds room."""
        region: Region = self.cleaned_data["region"]
        try:
            if self.instance:
                check_can_change_region(self.instance, region)
            elif self.is_hosted:
                backends.check_has_room(region)
        except Refused as refused:
            raise ValidationError(str(refused)) from None
        return region

    def clean_endpoint_url(self) -> str:
        """Return the address as `scheme://host[:port]`."""
        return "" if self.is_hosted else endpoint_rules.clean_url(self.cleaned_data["endpoint_url"])

    def clean_ca_pem(self) -> str:
        """Check that certificates can be read."""
        return "" if self.is_hosted else endpoint_rules.clean_ca_pem(self.cleaned_data["ca_pem"])

    def clean(self) -> dict[str, Any]:
        """Check what concerns several fields, and last of all the connection."""
        values: dict[str, Any] = super().clean() or {}
        if self.is_hosted or self.errors:
            return values
        self._check_credential(values)
        if self.errors or not self._check or values["skip_check"]:
            return values
        if self.connection_is_changed:
            self._try_connection()
        return values

    @property
    def is_hosted(self) -> bool:
        """Whether the form is about a hosted instance, stored or to be created."""
        if self.instance:
            return self.instance.kind == InstanceKind.HOSTED
        return "kind" in self.fields and self.data.get("kind") == InstanceKind.HOSTED

    @property
    def connection_is_changed(self) -> bool:
        """Whether a valid form would make Regatta connect elsewhere or otherwise than now."""
        values = self.cleaned_data
        if self.is_hosted:
            return False
        if self.instance is None:
            return True
        stored = (self.instance.endpoint_url, self.instance.verify_tls, self.instance.ca_pem)
        if stored != (values["endpoint_url"], values["verify_tls"], values["ca_pem"]):
            return True
        return (values["username"], self._password_to_use()) != self._stored_pair()

    def endpoint(self) -> Endpoint:
        """Return what a valid form would connect to; it holds a secret."""
        values = self.cleaned_data
        return Endpoint(
            url=values["endpoint_url"],
            username=values["username"] or None,
            password=self._password_to_use() or None,
            verify_tls=values["verify_tls"],
            ca_pem=values["ca_pem"] or None,
        )

    def save(self, now: datetime) -> Instance:
        """
        Create or change the instance of a valid form and return it.

        Raises PermissionDenied if `by` may not. Raises ValidationError, having noted the error at its
        field, if another instance has taken the name since the form was found valid.
        """
        try:
            instance = self._store(now)
        except IntegrityError:
            message = _("The account already has an instance of this name.")
            self.add_error("name", message)
            raise ValidationError(message) from None
        if self.was_tried:
            instances.record_health(instance=instance, health=Health.HEALTHY, detail="", now=now)
        return instance

    def _store(self, now: datetime) -> Instance:
        values = {name: self.cleaned_data[name] for name in _MODEL_FIELDS if name in self.fields}
        if self.cleaned_data.get("instance_id"):
            values["instance_id"] = self.cleaned_data["instance_id"]
        username = self.cleaned_data.get("username", "")
        password: str = self.cleaned_data.get("password", "")
        if self.instance is None and self.is_hosted:
            hosted = {name: value for name, value in values.items() if name not in _CONNECTION_FIELDS}
            return instances.create_hosted(account=self.account, values=hosted, by=self.by, now=now)
        if self.instance is None:
            return instances.create_connected(
                account=self.account, values=values, username=username, password=password, by=self.by, now=now
            )
        self.changes = instances.update(
            instance=self.instance,
            values=values,
            username=username,
            password=password or None,
            by=self.by,
            now=now,
        )
        return self.instance

    def _check_credential(self, values: dict[str, Any]) -> None:
        if not values["username"]:
            if values["password"]:
                self.add_error("username", _("Enter the username that belongs to the password."))
            return
        if values["password"]:
            return
        if self._stored is None:
            self.add_error("password", _("Enter the password."))
        elif self.instance and self.instance.endpoint_url != values["endpoint_url"]:
            self.add_error(
                "password", _("Enter the password again: it is not sent to another address than before.")
            )
        elif self._stored.username != values["username"]:
            self.add_error("password", _("Enter the password of this user."))

    def _try_connection(self) -> None:
        problem = endpoint_rules.find_problem(
            connections.check(self.endpoint()),
            by=self.by,
            is_anonymous=not self.cleaned_data["username"],
            has_own_ca=bool(self.cleaned_data["ca_pem"]),
        )
        if problem:
            self.add_error(*problem)
        self.was_tried = not problem

    def _password_to_use(self) -> str:
        if self.cleaned_data["password"] or not self.cleaned_data["username"]:
            return str(self.cleaned_data["password"])
        return self._stored.open_password() if self._stored else ""

    def _stored_pair(self) -> tuple[str, str]:
        return (self._stored.username, self._stored.open_password()) if self._stored else ("", "")


def values_of(instance: Instance) -> dict[str, Any]:
    """Return the data with which an InstanceForm would leave the instance as it is."""
    credential = Credential.objects.filter(instance=instance).first()
    return {
        "instance_id": instance.instance_id,
        "name": instance.name,
        "edition": instance.edition,
        "region": instance.region.code,
        "endpoint_url": instance.endpoint_url,
        "username": credential.username if credential else "",
        "password": "",
        "verify_tls": instance.verify_tls,
        "ca_pem": instance.ca_pem,
        "requests_per_second": instance.requests_per_second,
        "bandwidth": instance.bandwidth,
        "bandwidth_windows": instance.bandwidth_windows,
        "is_deletion_protected": instance.is_deletion_protected,
    }
