"""Accounts (tenants) and their users (sub-accounts)."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.hashers import UNUSABLE_PASSWORD_PREFIX
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts, narrowed to what somebody may see."""

    def visible_to(self, user: User) -> AccountQuerySet:
        """Keep the user's own account while both are active; for staff, all."""
        if not user.is_active:
            return self.none()
        if user.is_staff and user.account_id is None:
            return self
        return self.none() if user.account_id is None else self.filter(pk=user.account_id, is_active=True)


class Account(models.Model):
    """A root account: one tenant, named by its Account ID (`uin`, a decimal string)."""

    uin = models.CharField(_("Account ID"), max_length=20, unique=True)
    name = models.CharField(_("name"), max_length=100)
    is_active = models.BooleanField(_("active"), default=True)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    objects = AccountQuerySet.as_manager()

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ("name",)

    def __str__(self) -> str:
        return f"{self.name} ({self.uin})"


class Role(models.TextChoices):
    """What a user may do in the whole account; each role includes the ones below it."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Administrator")
    OPERATOR = "operator", _("Operator")
    VIEWER = "viewer", _("Viewer")


class UserManager(BaseUserManager["User"]):
    """Creates users; the login name is derived here and nowhere else."""

    def visible_to(self, user: User) -> models.QuerySet[User]:
        """Return the users of the accounts that the user sees; staff without an account are none of them."""
        return self.filter(account__in=Account.objects.visible_to(user))

    def able_owners(self, account: Account) -> models.QuerySet[User]:
        """Return the owners of the account who can sign in: active, with a password."""
        owners = self.filter(account=account, role=Role.OWNER, is_active=True)
        return owners.exclude(password__startswith=UNUSABLE_PASSWORD_PREFIX)

    def create_user(
        self, *, username: str, account: Account | None, password: str | None = None, **fields: Any
    ) -> User:
        """Create a user of an account, or, without an account, a member of the platform's staff."""
        login = f"{username}@{account.uin}" if account else username
        user = self.model(login=login, username=username, account=account, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, *, login: str, password: str | None = None, **fields: Any) -> User:
        """Create a member of the platform's staff who may use Django admin for everything."""
        return self.create_user(
            username=login, account=None, password=password, is_staff=True, is_superuser=True, **fields
        )


class User(AbstractBaseUser, PermissionsMixin):
    """A person (or a program) of one account, or of the platform's staff."""

    account = models.ForeignKey(
        Account,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="users",
        verbose_name=_("account"),
    )
    username = models.CharField(_("username"), max_length=100)
    login = models.CharField(
        _("sign-in name"),
        max_length=130,
        unique=True,
        help_text=_("username@Account ID, so that two tenants may use the same username."),
    )
    email = models.EmailField(_("email"), blank=True)
    role = models.CharField(_("role"), max_length=10, choices=Role, default=Role.VIEWER)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("platform staff"), default=False)
    language = models.CharField(_("language"), max_length=10, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=64, blank=True)
    theme = models.CharField(
        _("theme"),
        max_length=5,
        default="auto",
        choices=[("auto", _("System")), ("light", _("Light")), ("dark", _("Dark"))],
    )
    created_at = models.DateTimeField(_("created"), db_default=Now())

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "login"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        ordering = ("login",)
        constraints = [
            models.CheckConstraint(
                condition=models.Q(account__isnull=False) | models.Q(is_staff=True),
                name="user_has_account_or_is_staff",
            ),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="user_role_is_known"),
        ]

    def __str__(self) -> str:
        return self.login
