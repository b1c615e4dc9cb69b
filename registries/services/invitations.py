"""Invites people to become users of an account. No mail is sent: the inviter passes the link on."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from registries import audit, permissions
from registries.models import Account, Invitation, User
from registries.policies import Refused
from registries.services import one_time_links
from registries.services.one_time_links import LinkSpent

LIFETIME = timedelta(days=7)


@transaction.atomic
def create(
    *, account: Account, username: str, role: str, email: str, by: User | None, now: datetime
) -> tuple[Invitation, str]:
    """
    Invite somebody; return the invitation and the token of its link, which can't be shown again.

    An expired invitation of the same username is replaced.

    Raises PermissionDenied unless `by` may give the role in the account, and Refused if the username is taken.
    """
    permissions.check_can_give_role(by, role, account)
    taken = Refused(_("The account already has a user, or an invitation, of this name."), field="username")
    if User.objects.filter(account=account, username=username).exists():
        raise taken
    Invitation.objects.filter(account=account, username=username, expires_at__lte=now).delete()
    token = one_time_links.new_token()
    try:
        with transaction.atomic():
            invitation = Invitation.objects.create(
                account=account,
                username=username,
                role=role,
                email=email,
                token_digest=one_time_links.digest_of(token),
                created_by=by,
                created_at=now,
                expires_at=now + LIFETIME,
            )
    except IntegrityError:
        raise taken from None
    changes = {"role": role, "expires_at": invitation.expires_at.isoformat(timespec="seconds")}
    audit.record(
        audit.Verb.INVITATION_CREATED, by=by, target=invitation, account=account, now=now, changes=changes
    )
    return invitation, token


@transaction.atomic
def delete(*, invitation: Invitation, by: User | None, now: datetime) -> None:
    """Withdraw the invitation; raises PermissionDenied unless `by` may give its role."""
    permissions.check_can_give_role(by, invitation.role, invitation.account)
    audit.record(audit.Verb.INVITATION_DELETED, by=by, target=invitation, account=invitation.account, now=now)
    invitation.delete()


def find(token: str, now: datetime) -> Invitation | None:
    """Return the invitation that the token opens, if whoever made it may still give the role; else None."""
    invitation = one_time_links.find(
        Invitation.objects.select_related("account", "created_by__account"), token, now
    )
    if invitation is None or not invitation.account.is_active:
        return None
    may = permissions.can_give_role(invitation.created_by, invitation.role, invitation.account)
    return invitation if may else None


@transaction.atomic
def accept(*, token: str, password: str, now: datetime) -> User:
    """
    Create the invited user with the password that they chose.

    Raises LinkSpent if the link does not or no longer open, and Refused if the username has been taken since.
    """
    invitation = find(token, now)
    if invitation is None:
        raise LinkSpent
    one_time_links.spend(invitation)
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                username=invitation.username,
                account=invitation.account,
                password=password,
                role=invitation.role,
                email=invitation.email,
            )
    except IntegrityError:
        raise Refused(_("The account already has a user of this name. Ask for another invitation.")) from None
    audit.record(
        audit.Verb.INVITATION_ACCEPTED,
        by=user,
        target=user,
        account=user.account,
        now=now,
        changes={"role": user.role},
    )
    return user
