"""Accounts, users, instances and what belongs to them. No secret, sealed or hashed, is shown."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any, cast

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from console.admin.acting import for_each
from console.admin.read_only import ReadOnlyAdmin
from registries.models import (
    AccessCredential,
    Account,
    ApiKey,
    ApiToken,
    AuditEvent,
    Credential,
    Grant,
    Instance,
    Invitation,
    Namespace,
    PasswordReset,
    Replica,
    SignIn,
    SignInThrottle,
    User,
)
from registries.models.stored_answer import StoredAnswer
from registries.services import accounts


@admin.register(Account)
class AccountAdmin(ReadOnlyAdmin):
    """Tenants; one can be switched off and on."""

    list_display = ("name", "uin", "is_active", "created_at")
    list_filter = ("is_active",)
    search_fields = ("name", "uin")
    fields = ("name", "uin", "is_active", "created_at")
    readonly_fields = ("name", "uin", "created_at")
    actions = ("disable", "enable")

    @admin.action(description=_("Disable the selected accounts"), permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[Account]) -> None:
        """Switch accounts off; all their sessions end."""
        for_each(request, rows, partial(_switch_account, is_active=False))

    @admin.action(description=_("Enable the selected accounts"), permissions=["change"])
    def enable(self, request: HttpRequest, rows: QuerySet[Account]) -> None:
        """Switch accounts on."""
        for_each(request, rows, partial(_switch_account, is_active=True))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow staff with the permission to switch accounts off and on."""
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Account, form: Any, change: bool) -> None:
        """Switch through the service, which ends sessions and writes the audit log."""
        stored = Account.objects.get(pk=obj.pk)
        _switch_account(
            stored, cast(User, request.user), timezone.now(), is_active=form.cleaned_data["is_active"]
        )


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    """Users of accounts and staff; one can be switched off and on."""

    list_display = ("login", "account", "role", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "role")
    list_select_related = ("account",)
    search_fields = ("login", "email")
    fields = ("login", "account", "role", "email", "is_active", "is_staff", "last_login", "created_at")
    readonly_fields = tuple(name for name in fields if name != "is_active")
    actions = ("disable", "enable")

    @admin.action(description=_("Disable the selected users"), permissions=["change"])
    def disable(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        """Switch users off; all their sessions end."""
        for_each(request, rows, partial(_switch_user, is_active=False))

    @admin.action(description=_("Enable the selected users"), permissions=["change"])
    def enable(self, request: HttpRequest, rows: QuerySet[User]) -> None:
        """Switch users on."""
        for_each(request, rows, partial(_switch_user, is_active=True))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Nobody switches themself off."""
        return self.fields if obj == request.user else self.readonly_fields

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Allow staff with the permission to switch users off and on."""
        return admin.ModelAdmin.has_change_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        """Switch through the service, which ends sessions and writes the audit log."""
        if "is_active" not in form.cleaned_data:
            return
        stored = User.objects.get(pk=obj.pk)
        _switch_user(
            stored, cast(User, request.user), timezone.now(), is_active=form.cleaned_data["is_active"]
        )


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    """Who was invited and has not come yet; never the link."""

    list_display = ("username", "account", "role", "created_by", "created_at", "expires_at")
    list_filter = ("role",)
    list_select_related = ("account", "created_by")
    search_fields = ("username", "account__uin", "account__name")


@admin.register(PasswordReset)
class PasswordResetAdmin(ReadOnlyAdmin):
    """Whose password was reset and not chosen yet; never the link."""

    list_display = ("user", "created_by", "created_at", "expires_at")
    list_select_related = ("user", "created_by")
    search_fields = ("user__login",)


@admin.register(SignIn)
class SignInAdmin(ReadOnlyAdmin):
    """Sessions of users; never the key."""

    list_display = ("user", "ip_address", "user_agent", "signed_in_at", "last_seen_at")
    list_select_related = ("user",)
    search_fields = ("user__login", "ip_address")


@admin.register(SignInThrottle)
class SignInThrottleAdmin(ReadOnlyAdmin):
    """Names and addresses for which signing in failed lately."""

    list_display = ("key", "attempt_count", "last_attempt_at", "blocked_until")
    search_fields = ("key",)


@admin.register(ApiToken)
class ApiTokenAdmin(ReadOnlyAdmin):
    """Tokens of the REST API; never their text."""

    list_display = ("token_id", "user", "scope", "expires_at", "last_used_at", "created_at")
    list_filter = ("scope",)
    list_select_related = ("user",)
    search_fields = ("token_id", "user__login")


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    """Keys of the cloud API; never their secret."""

    list_display = ("secret_id", "user", "is_enabled", "last_used_at", "created_at")
    list_filter = ("is_enabled",)
    list_select_related = ("user",)
    search_fields = ("secret_id", "user__login")


@admin.register(StoredAnswer)
class StoredAnswerAdmin(ReadOnlyAdmin):
    """Which requests with an idempotency key were answered; never the answer."""

    list_display = ("key", "user", "status", "created_at")
    list_select_related = ("user",)
    search_fields = ("key", "user__login")
    exclude = ("body",)


@admin.register(Instance)
class InstanceAdmin(ReadOnlyAdmin):
    """Registries as tenants see them."""

    list_display = ("name", "instance_id", "account", "edition", "region", "kind", "health", "created_at")
    list_filter = ("edition", "kind", "health", "status", "region")
    list_select_related = ("account", "region")
    search_fields = ("name", "instance_id", "endpoint_url", "account__uin", "account__name")


@admin.register(Credential)
class CredentialAdmin(ReadOnlyAdmin):
    """Who Regatta is to a registry; never the password."""

    list_display = ("username", "instance", "backend", "updated_at", "last_used_at")
    list_select_related = ("instance", "backend")
    search_fields = ("username", "instance__name", "backend__code")


@admin.register(AccessCredential)
class AccessCredentialAdmin(ReadOnlyAdmin):
    """What instances have issued; never the secret."""

    list_display = (
        "username",
        "instance",
        "kind",
        "is_enabled",
        "can_push",
        "expires_at",
        "last_used_at",
        "created_by",
    )
    list_filter = ("kind", "is_enabled")
    list_select_related = ("instance", "created_by")
    search_fields = ("username", "token_id", "instance__name", "instance__instance_id")


@admin.register(Grant)
class GrantAdmin(ReadOnlyAdmin):
    """What single users may do with single instances."""

    list_display = ("user", "instance", "permission")
    list_filter = ("permission",)
    list_select_related = ("user", "instance")
    search_fields = ("user__login", "instance__name")


@admin.register(Namespace)
class NamespaceAdmin(ReadOnlyAdmin):
    """First segments of repositories."""

    list_display = ("name", "instance", "is_public", "created_at")
    list_select_related = ("instance",)
    search_fields = ("name", "instance__name")


@admin.register(Replica)
class ReplicaAdmin(ReadOnlyAdmin):
    """Copies of premium instances in other regions."""

    list_display = ("replica_id", "primary", "region", "backend", "status", "running_since", "created_at")
    list_filter = ("status", "region")
    list_select_related = ("primary", "region", "backend")
    search_fields = ("replica_id", "primary__name")


@admin.register(AuditEvent)
class AuditEventAdmin(ReadOnlyAdmin):
    """Who did what; append-only, for staff as well."""

    list_display = (
        "happened_at",
        "actor_name",
        "verb",
        "target_type",
        "target_name",
        "account",
        "ip_address",
    )
    list_filter = ("verb", "target_type")
    list_select_related = ("account",)
    search_fields = ("actor_name", "target_name", "target_id", "account__uin")
    date_hierarchy = "happened_at"


def _switch_account(account: Account, by: User, now: datetime, *, is_active: bool) -> None:
    accounts.set_active(account=account, is_active=is_active, by=by, now=now)


def _switch_user(user: User, by: User, now: datetime, *, is_active: bool) -> None:
    accounts.set_user_active(user=user, is_active=is_active, by=by, now=now)
