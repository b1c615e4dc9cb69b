"""Changes passwords: one's own, or by a link after somebody else has reset it. Forms have validated them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import PasswordReset, User
from registries.policies import Refused
from registries.services import one_time_links, sign_ins
from registries.services.one_time_links import LinkSpent

LIFETIME = timedelta(hours=24)


@transaction.atomic
def change_own(*, user: User, password: str, kept_session: str | None, now: datetime) -> None:
    """Set the user's own new password and end their other sessions; `kept_session` is the key of this one."""
    _store(user, password)
    sign_ins.end_all(user, kept_session=kept_session)
    audit.record(audit.Verb.PASSWORD_CHANGED, by=user, target=user, account=user.account, now=now)


@transaction.atomic
def reset(*, user: User, by: User | None, now: datetime) -> tuple[PasswordReset, str]:
    """
    Make the password useless, end the user's sessions, and return a reset with the token of its link.

    The token can't be shown again; an earlier link stops working.

    Raises PermissionDenied unless `by` may change the user, and Refused for oneself and for disabled users.
    """
    permissions.check_can_administer_user(by, user)
    if user == by:
        raise Refused(_("Change your own password on the account page. A reset would lock you out."))
    if not user.is_active:
        raise Refused(_("The user is disabled. Enable the user first."))
    user.set_unusable_password()
    user.save(update_fields=["password"])
    PasswordReset.objects.filter(user=user).delete()
    sign_ins.end_all(user)
    token = one_time_links.new_token()
    link = PasswordReset.objects.create(
        user=user,
        token_digest=one_time_links.digest_of(token),
        created_by=by,
        created_at=now,
        expires_at=now + LIFETIME,
    )
    audit.record(audit.Verb.PASSWORD_RESET, by=by, target=user, account=user.account, now=now)
    return link, token


def find_reset(token: str, now: datetime) -> PasswordReset | None:
    """Return the reset that the token opens, if the user and the account are active; else None."""
    link = one_time_links.find(PasswordReset.objects.select_related("user__account"), token, now)
    if link is None or not link.user.is_active:
        return None
    return link if link.user.account is None or link.user.account.is_active else None


@transaction.atomic
def choose(*, token: str, password: str, now: datetime) -> User:
    """
    Set the password that the user chose by the link; raises LinkSpent if it does not or no longer open.
    """
    link = find_reset(token, now)
    if link is None:
        raise LinkSpent
    user = link.user
    one_time_links.spend(link)
    _store(user, password)
    sign_ins.end_all(user)
    audit.record(audit.Verb.PASSWORD_CHOSEN, by=user, target=user, account=user.account, now=now)
    return user


def _store(user: User, password: str) -> None:
    user.set_password(password)
    user.save(update_fields=["password"])
    PasswordReset.objects.filter(user=user).delete()
