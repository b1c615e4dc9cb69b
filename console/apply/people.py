"""Applies accounts with their users, and the platform's staff."""

from __future__ import annotations

from console import references
from console.apply.entries import Entry
from console.apply.session import Session
from registries.forms import AccountForm, GrantForm, StaffForm, UserForm
from registries.models import Account, Grant, User


def apply_account(session: Session, entry: Entry) -> None:
    """Create or change the account, then its users."""
    uin = entry.text("uin")
    if not session.claim(entry, "uin", "account", uin):
        return
    stored = Account.objects.filter(uin=uin).first()
    form = AccountForm({"uin": uin, "name": entry.text("name")}, by=None, instance=stored)
    account = session.save(form, entry, kind="account", name=uin)
    if account is None:
        session.refused.add(("account", uin))
        return
    users: list[Entry] = entry.values.get("users", [])
    for user in users:
        if user.is_usable:
            _apply_user(session, user, account)


def apply_grants(session: Session, entry: Entry) -> None:
    """Give the account's users their grants, once the instances are there; grants not named are left alone."""
    uin = entry.text("uin")
    users: list[Entry] = entry.values.get("users", [])
    for user_entry in users:
        user = User.objects.filter(account__uin=uin, username=user_entry.text("username")).first()
        grants: list[Entry] = user_entry.values.get("grants", [])
        for grant in grants:
            if grant.is_usable and user is not None:
                _apply_grant(session, grant, user, uin)


def apply_staff(session: Session, entry: Entry) -> None:
    """Create or change a member of the platform's staff."""
    username = entry.text("username")
    if not session.claim(entry, "username", "staff", username):
        return
    stored = User.objects.filter(login=username, account=None).first()
    data = {key: entry.text(key) for key in ("username", "password", "email")}
    form = StaffForm(data, by=None, instance=stored)
    session.save(form, entry, kind="staff", name=username)
    _warn(session, entry, form)


def _apply_user(session: Session, entry: Entry, account: Account) -> None:
    username = entry.text("username")
    if not session.claim(entry, "username", "user", account.uin, username):
        return
    stored = User.objects.filter(account=account, username=username).first()
    data = {key: entry.text(key) for key in ("username", "password", "role", "email")}
    form = UserForm(data, account=account, by=None, instance=stored)
    session.save(form, entry, kind="user", name=f"{username}@{account.uin}")
    _warn(session, entry, form)


def _apply_grant(session: Session, entry: Entry, user: User, uin: str) -> None:
    text = entry.text("instance")
    try:
        instance = references.find_instance(text, account_uin=uin)
    except references.ReferenceProblemError as problem:
        if ("instance", text.rpartition("/")[2]) not in session.refused:
            session.refuse(entry, "instance", str(problem))
        return
    if not session.claim(entry, "instance", "grant", user.pk, instance.pk):
        return
    stored = Grant.objects.filter(user=user, instance=instance).first()
    data = {"instance_id": instance.instance_id, "permission": entry.text("permission")}
    form = GrantForm(data, user=user, by=None, instance=stored)
    name = f"{user.login} on {references.name_of_instance(instance)}"
    session.save(form, entry, kind="grant", name=name, keys={"instance_id": "instance"})


def _warn(session: Session, entry: Entry, form: UserForm | StaffForm) -> None:
    session.warnings += [entry.problem(field, message) for field, message in form.warnings]
