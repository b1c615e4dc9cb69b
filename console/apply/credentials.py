"""Applies the access credentials that instances issue, to be presented by other accounts."""

from __future__ import annotations

from pathlib import Path

from console import references
from console.apply.entries import Entry
from console.apply.session import Session
from registries import naming
from registries.forms import AccessCredentialForm
from registries.models import AccessCredential, CredentialKind, Instance

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
    """Issue the credential in the platform's name, or make the one of the same description as the file says."""
    holder = find_instance(session, entry, "instance")
    if holder is None:
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
    named = AccessCredential.objects.filter(instance=holder, username=full_name)
    if not is_service:
        named = named.filter(kind=CredentialKind.USER, description=description)
    stored = named.first()
    path = _secret_path(session, entry)
    if stored is None and not _can_keep_secret(session, entry, path):
        return
    data = {
        "username": username,
        "secret": entry.text("secret"),
        "namespaces": entry.values.get("namespaces", []),
        "permissions": entry.values.get("permissions", []),
        "expires_at": entry.text("expires_at"),
        "description": description,
    }
    form = AccessCredentialForm(data, holder=holder, by=None, instance=stored)
    name = f"{full_name} for {references.name_of_instance(holder)}"
    if session.save(form, entry, kind="credential", name=name) and stored is None and path:
        session.secret_files[path] = form.issued_secret


def _secret_path(session: Session, entry: Entry) -> Path | None:
    name = entry.text("secret_file")
    return session.directory / name if name else None


def _can_keep_secret(session: Session, entry: Entry, path: Path | None) -> bool:
    """Tell whether the secret of a new credential is known, or there is a place for it; note it if not."""
    if path is not None and (path.exists() or path in session.secret_files):
        session.refuse(entry, "secret_file", "This file is there already; a new secret needs one of its own.")
        return False
    if path is None and not entry.text("secret"):
        session.refuse(
            entry, "secret", "Give the secret, or by secret_file a file that the new one is written to."
        )
        return False
    return True
