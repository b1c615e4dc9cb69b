"""The form of a synchronization rule: the single gate for pages, REST, the Tencent API, admin and files."""

from __future__ import annotations

import zoneinfo
from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.utils import timezone
from django.utils.translation import gettext as _

from registries import naming, permissions
from registries.models import Instance, Permission, User
from registries.policies import Refused, check_can_hold_rules
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from registries.vault import VaultError
from syncjobs import schedules
from syncjobs.fields import (
    DEFAULT_RETRY_WINDOW_SECONDS,
    DEFAULT_SWEEP_INTERVAL_SECONDS,
    InstanceChoiceField,
    RuleFields,
)
from syncjobs.models import ArtifactType, Rule
from syncjobs.selection_form import check_filters
from syncjobs.services import previews, rules
from syncjobs.services.previews import Preview

STORED_FIELDS = (
    "name",
    "description",
    "namespace",
    "repository",
    "tag",
    "syntax",
    "artifact_type",
    "is_cross_tenant",
    "target",
    "target_username",
    "target_namespace",
    "is_flattened",
    "override",
    "with_referrers",
    "sync_deletions",
    "bandwidth",
    "bandwidth_windows",
    "is_push_triggered",
    "schedule",
    "time_zone",
    "poll_interval_seconds",
    "sweep_interval_seconds",
    "retry_window_seconds",
    "is_enabled",
)
"""The fields of the form that a rule keeps under the same names."""


class RuleForm(RuleFields):
    """
    Creates or re-configures a rule of the source instance.

    The password is write-only: empty on a change keeps the stored one. Whatever is wrong with a foreign
    target is said in one sentence at `target_password`, so that nobody learns which instances exist.
    """

    def __init__(
        self,
        data: Mapping[str, Any] | None = None,
        *,
        source: Instance,
        by: User | None,
        instance: Rule | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        self.source = source
        self.instance = instance
        stored_values = values_of(instance) if instance else {"time_zone": (by and by.time_zone) or "UTC"}
        super().__init__(data, by=by, initial=stored_values | dict(initial or {}))
        self.keep_if_absent("bandwidth_windows", "poll_interval_seconds", "sweep_interval_seconds")
        targets = cast(InstanceChoiceField, self.fields["target"])
        targets.queryset = Instance.objects.filter(account=source.account).select_related("region")

    def clean_name(self) -> str:
        """Check that the source instance has no other rule of this name."""
        value: str = self.cleaned_data["name"]
        others = Rule.objects.filter(source=self.source, name=value)
        if self.instance:
            others = others.exclude(pk=self.instance.pk)
        if others.exists():
            raise ValidationError(_("The source instance already has a rule of this name."))
        return value

    def clean_artifact_type(self) -> str:
        """Return both types if none was chosen."""
        return self.cleaned_data["artifact_type"] or ArtifactType.BOTH

    def clean_target_instance_id(self) -> str:
        """Check the form of the ID of a foreign instance, and that it is foreign."""
        value: str = self.cleaned_data["target_instance_id"]
        if not self.cleaned_data["is_cross_tenant"]:
            return ""
        if not value:
            raise ValidationError(_("Enter the ID of the target instance."))
        if not naming.INSTANCE_ID.allows(value):
            raise ValidationError(_(naming.INSTANCE_ID.sentence))
        if Instance.objects.filter(account=self.source.account, instance_id=value).exists():
            raise ValidationError(
                _("This instance belongs to the same account: switch cross-tenant synchronization off.")
            )
        return value

    def clean_target_username(self) -> str:
        """Check that the username is one of a user-level account."""
        value: str = self.cleaned_data["target_username"]
        if not self.cleaned_data["is_cross_tenant"]:
            return ""
        if not value:
            raise ValidationError(_("Enter the username."))
        if naming.is_service_account_name(value):
            raise ValidationError(
                _("A service-level account cannot be used here. Enter a user-level account of the instance.")
            )
        if not naming.USER_NAME.allows(value):
            raise ValidationError(_(naming.USER_NAME.sentence))
        return value

    def clean_schedule(self) -> str:
        """Check the cron expression, blanks between its fields made single ones."""
        value = " ".join(self.cleaned_data["schedule"].split())
        try:
            schedules.check(value)
            is_endless_wait = value and schedules.next_run(value, "UTC", after=timezone.now()) is None
        except schedules.InvalidSchedule as invalid:
            raise ValidationError(_(str(invalid))) from None
        if is_endless_wait:
            raise ValidationError(_("This time never comes."))
        return value

    def clean_time_zone(self) -> str:
        """Return the time zone, UTC if none was given."""
        value: str = self.cleaned_data["time_zone"] or "UTC"
        if value not in zoneinfo.available_timezones():
            raise ValidationError(_("There is no such time zone; write it like “Asia/Shanghai”."))
        return value

    def clean_sweep_interval_seconds(self) -> int:
        """Return an hour if nothing was entered."""
        value: int | None = self.cleaned_data["sweep_interval_seconds"]
        return DEFAULT_SWEEP_INTERVAL_SECONDS if value is None else value

    def clean_retry_window_seconds(self) -> int:
        """Return a day if nothing was entered."""
        value: int | None = self.cleaned_data["retry_window_seconds"]
        return DEFAULT_RETRY_WINDOW_SECONDS if value is None else value

    def clean(self) -> dict[str, Any]:
        """Check what concerns several fields; the credential of a foreign target last of all."""
        values: dict[str, Any] = super().clean() or {}
        check_filters(self, values)
        try:
            check_can_hold_rules(self.source)
        except Refused as refused:
            self.add_error(refused.field, str(refused))
        if values["is_cross_tenant"]:
            self._check_foreign_target(values)
        else:
            self._check_own_target(values)
        return values

    def save(self, now: datetime) -> Rule:
        """
        Create or change the rule of a valid form and return it.

        Raises PermissionDenied if `by` may not. Raises ValidationError, having noted the error at its
        field, if something changed since the form was found valid.
        """
        values = {name: self.cleaned_data[name] for name in STORED_FIELDS if name in self.cleaned_data}
        if self.cleaned_data["target_password"]:
            values["target_password"] = self.cleaned_data["target_password"]
        try:
            return self._store(values, now)
        except CredentialRejected as rejected:
            field, message = "target_password", str(rejected)
        except Refused as refused:
            field, message = refused.field or "", str(refused)
        except IntegrityError:
            field, message = "name", _("The source instance already has a rule of this name.")
        self.add_error(field or None, message)
        raise ValidationError(message)

    def preview(self, now: datetime) -> Preview:
        """
        Return what a run of the rule would do that `save` would store; stores nothing.

        Raises PermissionDenied and Refused as `previews.preview` does.
        """
        values = {name: self.cleaned_data[name] for name in STORED_FIELDS if name in self.cleaned_data}
        rule = Rule(source=self.source, **values)
        if not rule.is_cross_tenant:
            return previews.preview(rule=rule, by=self.by, now=now)
        rule.target_instance_id = self.cleaned_data["target_instance_id"]
        secret = self.cleaned_data["target_password"] or self._stored_password(self.cleaned_data)
        return previews.preview(rule=rule, secret=secret, by=self.by, now=now)

    def _store(self, values: dict[str, Any], now: datetime) -> Rule:
        if self.instance is None:
            return rules.create(values=values | {"source": self.source}, by=self.by, now=now)
        self.changes = rules.update(rule=self.instance, values=values, by=self.by, now=now)
        return self.instance

    def _check_own_target(self, values: dict[str, Any]) -> None:
        values["target_password"] = ""
        target: Instance | None = values.get("target")
        if target is None:
            if "target" not in self.errors:
                self.add_error("target", _("Choose the target instance."))
            return
        if not permissions.can(self.by, Permission.PUSH, target):
            self.add_error("target", _("Your role does not allow you to push to this instance."))
        namespace = values.get("namespace")
        is_same = namespace == naming.ALL_NAMESPACES or values.get("target_namespace", "-") in {"", namespace}
        if target == self.source and is_same:
            self.add_error(
                "target_namespace",
                _("Source and target are the same: choose another instance or another target namespace."),
            )

    def _check_foreign_target(self, values: dict[str, Any]) -> None:
        needed = {"target_instance_id", "target_username", "target_password", "namespace", "target_namespace"}
        if needed & self.errors.keys():
            return
        secret = values["target_password"] or self._stored_password(values)
        if not secret:
            self.add_error("target_password", _("Enter the password."))
            return
        try:
            credential = access_credentials.verify_push(
                instance_id=values["target_instance_id"],
                username=values["target_username"],
                secret=secret,
                namespace=values["target_namespace"] or values["namespace"],
                now=timezone.now(),
            )
        except CredentialRejected as rejected:
            self.add_error("target_password", str(rejected))
        else:
            values["target"] = credential.instance

    def _stored_password(self, values: dict[str, Any]) -> str:
        rule = self.instance
        if rule is None or not rule.is_cross_tenant:
            return ""
        is_same = (rule.target_instance_id, rule.target_username) == (
            values["target_instance_id"],
            values["target_username"],
        )
        try:
            return rule.open_target_password() if is_same else ""
        except VaultError:
            return ""


def values_of(rule: Rule) -> dict[str, Any]:
    """Return the data with which a RuleForm would leave the rule as it is."""
    values = {name: getattr(rule, name) for name in STORED_FIELDS}
    return values | {
        "target": rule.target.instance_id if rule.target and not rule.is_cross_tenant else "",
        "target_instance_id": rule.target_instance_id,
        "target_password": "",
    }
