"""Keeps the list of open sessions, and ends sessions. Passwords are checked elsewhere."""

from __future__ import annotations

from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet

from registries import audit
from registries.models import Account, SignIn, User
from registries.origin import client_address

_LONGEST_AGENT = 255


@transaction.atomic
def begin(*, user: User, session_key: str, user_agent: str, now: datetime) -> SignIn:
    """Note that the user has signed in with this session; what the user left behind of expired ones goes."""
    SignIn.objects.filter(user=user).exclude(session_key__in=_open_keys(now)).delete()
    sign_in = SignIn.objects.create(
        user=user,
        session_key=session_key,
        user_agent=user_agent.replace("\0", "")[:_LONGEST_AGENT],
        ip_address=client_address.get(),
        signed_in_at=now,
        last_seen_at=now,
    )
    audit.record(audit.Verb.SESSION_STARTED, by=user, target=user, account=user.account, now=now)
    return sign_in


def see(*, sign_in_id: int, now: datetime) -> bool:
    """Note that the session is in use; return False if it was ended."""
    seen = SignIn.objects.filter(pk=sign_in_id).update(last_seen_at=now, ip_address=client_address.get())
    return bool(seen)


def move(*, sign_in_id: int, session_key: str) -> None:
    """Follow a session to its new key, which it gets with a new password."""
    SignIn.objects.filter(pk=sign_in_id).update(session_key=session_key)


def list_open(user: User, now: datetime) -> QuerySet[SignIn]:
    """Return the open sessions of the user, the latest seen first."""
    return SignIn.objects.filter(user=user, session_key__in=_open_keys(now)).order_by("-last_seen_at")


@transaction.atomic
def end(*, sign_in: SignIn | None, by: User, now: datetime) -> None:
    """End one session of the user who acts; None is one that was never listed, whose caller ends it."""
    if sign_in:
        _delete(SignIn.objects.filter(pk=sign_in.pk, user=by))
    audit.record(audit.Verb.SESSION_ENDED, by=by, target=by, account=by.account, now=now)


@transaction.atomic
def end_others(*, user: User, kept_session: str | None, now: datetime) -> int:
    """End all sessions of the user but the one with this key; return how many there were."""
    ended_count = end_all(user, kept_session=kept_session)
    audit.record(
        audit.Verb.SESSION_ENDED,
        by=user,
        target=user,
        account=user.account,
        now=now,
        changes={"sessions": ended_count},
    )
    return ended_count


def end_all(user: User, *, kept_session: str | None = None) -> int:
    """End the sessions of the user, as part of another act; return how many there were."""
    return _delete(SignIn.objects.filter(user=user).exclude(session_key=kept_session or ""))


def end_all_of_account(account: Account) -> int:
    """End the sessions of all users of the account, as part of another act; return how many there were."""
    return _delete(SignIn.objects.filter(user__account=account))


def _delete(found: QuerySet[SignIn]) -> int:
    keys = list(found.values_list("session_key", flat=True))
    Session.objects.filter(session_key__in=keys).delete()
    SignIn.objects.filter(session_key__in=keys).delete()
    return len(keys)


def _open_keys(now: datetime) -> QuerySet[Session, str]:
    return Session.objects.filter(expire_date__gt=now).values_list("session_key", flat=True)
