"""Applies the access credentials that instances issue, to be presented by other accounts."""

from __future__ import annotations

from console import references
from console.apply.entries import Entry
from console.apply.session import Session
from registries import naming
from registries.forms import AccessCredentialForm
from registries.models import AccessCredential, CredentialKind, Instance, Role, User

_DESCRIPTION = "declared"


def find_instance(session: Session, entry: Entry, key: str) -> Instance | None:
    """Return the instance that the key names, or note that there is none; `account` narrows the name."""
    text = entry.text(key)
    try:
        return references.find_instance(text, account_uin=entry.text("account"))
    except references.ReferenceProblemError as problem:
        if ("instance", text.rpartition("/")[2]) not in session.refused:
            session.refuse(entry, key, str(problem))
        return None


def apply_credential(session: Session, entry: Entry) -> None:
    """Issue the credential, or change the secret and namespaces of the one of the same description."""
    holder = find_instance(session, entry, "instance")
    if holder is None:
        return
    issuer = _find_issuer(holder)
    if issuer is None:
        session.refuse(
            entry, "instance", "Its account has no owner or administrator in whose name to issue it."
        )
        return
    username = entry.text("username")
    description = entry.text("description", _DESCRIPTION)
    is_service = bool(username) and username != holder.account.uin
    full_name = (
        naming.SERVICE_ACCOUNT_PREFIX + username.removeprefix(naming.SERVICE_ACCOUNT_PREFIX)
        if is_service
        else holder.account.uin
    )
    identity = (holder.pk, full_name) if is_service else (holder.pk, full_name, description)
    if not session.claim(entry, "instance", "credential", *identity):
        return
    stored = AccessCredential.objects.filter(instance=holder, username=full_name)
    if not is_service:
        stored = stored.filter(kind=CredentialKind.USER, description=description)
    data = {
        "username": username,
        "secret": entry.text("secret"),
        "namespaces": entry.values.get("namespaces", []),
        "description": description,
    }
    form = AccessCredentialForm(data, holder=holder, by=issuer, instance=stored.first())
    session.save(
        form, entry, kind="credential", name=f"{full_name} for {references.name_of_instance(holder)}"
    )


def _find_issuer(holder: Instance) -> User | None:
    users = holder.account.users.filter(is_active=True)
    return users.filter(role=Role.OWNER).first() or users.filter(role=Role.ADMIN).first()
