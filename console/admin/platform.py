"""What the operator provides: regions and backends, saved through `registries/services/platform.py`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from console.admin.acting import for_each
from registries.forms import endpoint as endpoint_rules
from registries.models import Backend, Region, User
from registries.policies import Refused, check_can_move_backend
from registries.services import platform


class _ServedAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # it is not generic at run time
    """Adds and changes rows through a service; deletes none."""

    actions: Sequence[str] | None = None

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted here."""
        return False


@admin.register(Region)
class RegionAdmin(_ServedAdmin):
    """Regions, and the jurisdictions that decide what is cross-border."""

    list_display = ("code", "numeric_id", "name_en", "name_zh", "jurisdiction")
    list_filter = ("jurisdiction",)
    search_fields = ("code", "name_en", "name_zh")

    def save_model(self, request: HttpRequest, obj: Region, form: Any, change: bool) -> None:
        """Save through the service, which writes the audit log."""
        by = cast(User, request.user)
        now = timezone.now()
        if change:
            stored = Region.objects.get(pk=obj.pk)
            platform.update_region(region=stored, values=form.cleaned_data, by=by, now=now)
        else:
            obj.pk = platform.create_region(values=form.cleaned_data, by=by, now=now).pk


class BackendAdminForm(forms.ModelForm):  # type: ignore[type-arg]  # it is not generic at run time
    """A backend with the credential that Regatta uses there; the password is written only."""

    username = forms.CharField(label=gettext_lazy("Username"), max_length=255, required=False)
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text=gettext_lazy("Empty keeps the stored one."),
    )

    class Meta:
        model = Backend
        fields = ("code", "region", "endpoint_url", "verify_tls", "ca_pem", "capacity", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._stored = getattr(self.instance, "credential", None)
        self._stored_url = self.instance.endpoint_url
        self.fields["username"].initial = self._stored.username if self._stored else ""

    def clean_region(self) -> Region:
        """Check that a backend in which something lives stays in its region."""
        region: Region = self.cleaned_data["region"]
        if self.instance.pk:
            try:
                check_can_move_backend(Backend.objects.get(pk=self.instance.pk), region)
            except Refused as refused:
                raise forms.ValidationError(str(refused)) from None
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
        kept = (self._stored.username, self._stored_url) if self._stored else None
        if values.get("password") and not values.get("username"):
            self.add_error("username", _("Enter the username that belongs to the password."))
        is_kept = kept == (values.get("username"), values.get("endpoint_url"))
        if values.get("username") and not values.get("password") and not is_kept:
            self.add_error("password", _("Enter the password."))
        return values


@admin.register(Backend)
class BackendAdmin(_ServedAdmin):
    """Real registries in which hosted instances and replicas live."""

    form = BackendAdminForm
    list_display = (
        "code",
        "region",
        "endpoint_url",
        "is_active",
        "health",
        "health_checked_at",
        "last_healthy_at",
        "capacity",
    )
    list_filter = ("is_active", "health", "region")
    readonly_fields = ("health", "health_detail", "health_checked_at", "last_healthy_at")
    list_select_related = ("region",)
    search_fields = ("code", "endpoint_url")
    actions = ("drain", "reopen")

    @admin.action(
        description=gettext_lazy("Drain: place nothing new in the selected backends"), permissions=["change"]
    )
    def drain(self, request: HttpRequest, rows: QuerySet[Backend]) -> None:
        """Keep what lives in the backends, and place no further instance or replica in them."""
        for_each(request, rows, partial(_open, is_active=False))

    @admin.action(
        description=gettext_lazy("Place new instances in the selected backends again"), permissions=["change"]
    )
    def reopen(self, request: HttpRequest, rows: QuerySet[Backend]) -> None:
        """End a drain."""
        for_each(request, rows, partial(_open, is_active=True))

    def save_model(self, request: HttpRequest, obj: Backend, form: Any, change: bool) -> None:
        """Save through the service, which seals the password and writes the audit log."""
        by = cast(User, request.user)
        now = timezone.now()
        values = dict(form.cleaned_data)
        credential = (values.pop("username"), values.pop("password") or None)
        if change:
            stored = Backend.objects.get(pk=obj.pk)
            platform.update_backend(backend=stored, values=values, credential=credential, by=by, now=now)
        else:
            obj.pk = platform.create_backend(values=values, credential=credential, by=by, now=now).pk


def _open(backend: Backend, by: User, now: datetime, *, is_active: bool) -> None:
    credential = getattr(backend, "credential", None)
    platform.update_backend(
        backend=backend,
        values={"is_active": is_active},
        credential=(credential.username if credential else "", None),
        by=by,
        now=now,
    )
