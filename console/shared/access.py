"""
Who is asking: signing in, and fetching what the asker may see.

What is not visible does not exist: another tenant's object is 404, never 403. What may be done with a
visible object is decided by `registries/permissions.py`, inside the services.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from django.contrib.auth.backends import ModelBackend
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest
from django.shortcuts import get_object_or_404
from django_htmx.middleware import HtmxDetails

from registries import permissions
from registries.models import Instance, Replica, User
from syncjobs.models import Execution, Rule

_MAXIMUM_NAMESAKES = 4
_ID = re.compile(r"[0-9]{1,18}")  # fits a BigAutoField


class Request(HttpRequest):
    """
    A request as pages get it: LoginRequiredMiddleware has let only users through.

    `section` is the URL namespace that the sidebar marks (`nav.py`), for a page that lies in another one.
    """

    user: User
    htmx: HtmxDetails
    section: str


class AccountBackend(ModelBackend):
    """
    Signs in with `username@AccountID`, or with the bare username where that is enough.

    Two tenants may use the same username. A bare one signs in if exactly one active user of that name has the
    password; beyond four namesakes nobody is tried, so that a common name can't be used to burden the server.
    """

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: object,
    ) -> User | None:
        """
        Return the user, or None; the time taken does not tell whether the name exists.

        An inactive user, or one of an inactive account, is as good as none.
        """
        if username is None or password is None:
            return None
        candidates = _find_candidates(username)
        if not candidates:
            User().set_password(password)
        matching = [user for user in candidates if user.check_password(password)]
        return matching[0] if len(matching) == 1 else None

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, or None once the user or the account was switched off."""
        return User.objects.filter(_ACTIVE, pk=user_id).select_related("account").first()


_ACTIVE = Q(is_active=True) & (Q(account__isnull=True) | Q(account__is_active=True))


def _find_candidates(name: str) -> list[User]:
    if "@" in name:
        exact = list(User.objects.filter(_ACTIVE, login=name))
        if exact:
            return exact
    named = User.objects.filter(_ACTIVE, Q(login=name) | Q(username=name))
    namesakes = list(named[: _MAXIMUM_NAMESAKES + 1])
    return namesakes if len(namesakes) <= _MAXIMUM_NAMESAKES else []


def can_create_instances(user: User) -> bool:
    """Tell whether pages should offer it: administrators of an account can, staff have no account to do it in."""
    return user.account is not None and permissions.can_administer(user, user.account)


def can_read_audit(user: User) -> bool:
    """Tell whether the user may see what was done in their account, or, as staff, everywhere."""
    return permissions.is_platform(user) or can_create_instances(user)


def check_administers(user: User) -> None:
    """Raise PermissionDenied unless the user administers their account, or is staff of the platform."""
    if user.account:
        permissions.check_can_administer(user, user.account)
    else:
        permissions.check_is_platform(user)


def check_is_staff_or_404(user: User) -> None:
    """Raise Http404 unless the user is of the platform's staff: for others the platform's pages don't exist."""
    if not permissions.is_platform(user):
        raise Http404


def get_replica_or_404(user: User, replica_id: str) -> Replica:
    """Return the replica with its primary, region and backend, if the user may see its primary."""
    visible = Replica.objects.filter(primary__in=Instance.objects.visible_to(user))
    return get_object_or_404(
        visible.select_related("primary__account", "primary__region", "region", "backend__credential"),
        replica_id=replica_id,
    )


def get_instance_or_404(user: User, instance_id: str) -> Instance:
    """Return the instance with its account, region and backend, if the user may see it."""
    visible = Instance.objects.visible_to(user)
    return get_object_or_404(
        visible.select_related("account", "region", "backend", "credential"), instance_id=instance_id
    )


def get_rule_or_404(user: User, rule_id: int) -> Rule:
    """Return the rule with its source and target, if the user may see it."""
    return get_object_or_404(_visible_rules(user), pk=rule_id)


def find_rules(user: User, ids: Iterable[str]) -> list[Rule]:
    """Return, by name, those of the rules that the user may see; what is no id is none of them."""
    numbers = [int(text) for text in ids if _ID.fullmatch(text)]
    return list(_visible_rules(user).filter(pk__in=numbers).order_by("name", "pk"))


def _visible_rules(user: User) -> QuerySet[Rule]:
    return Rule.objects.visible_to(user).select_related(
        "source__account", "source__region", "target__account", "target__region"
    )


def get_execution_or_404(user: User, execution_id: int) -> Execution:
    """Return the execution with its rule and source, if the user may see it."""
    visible = Execution.objects.visible_to(user)
    return get_object_or_404(
        visible.select_related("source__account", "rule__target", "replica", "started_by"), pk=execution_id
    )
