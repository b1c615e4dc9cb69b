"""Applies regions, backends and instances."""

from __future__ import annotations

from typing import Any

from console.apply.entries import Entry
from console.apply.session import ConnectionCheck, Session
from registries.forms import BackendForm, InstanceForm, RegionForm
from registries.models import Account, Backend, Edition, Instance, InstanceKind, Region

_CONNECTION_KEYS = {"endpoint_url": "endpoint", "verify_tls": "insecure", "ca_pem": "ca"}
_CONNECTED_ONLY = ("endpoint", "username", "password", "insecure", "ca")
_INSTANCE_KEYS = {**_CONNECTION_KEYS, "credential": "password"}


def apply_region(session: Session, entry: Entry) -> None:
    """Create the region, or change those of its fields that the file names."""
    code = entry.text("code")
    if not session.claim(entry, "code", "region", code):
        return
    stored = Region.objects.filter(code=code).first()
    name_en = entry.text("name_en", stored.name_en if stored else code)
    data = {
        "code": code,
        "numeric_id": entry.text("numeric_id", str(stored.numeric_id) if stored else ""),
        "name_en": name_en,
        "name_zh": entry.text("name_zh", stored.name_zh if stored else name_en),
        "jurisdiction": entry.text("jurisdiction", stored.jurisdiction if stored else code),
    }
    session.save(RegionForm(data, by=None, instance=stored), entry, kind="region", name=code)


def apply_backend(session: Session, entry: Entry) -> None:
    """Create or change the backend."""
    code = entry.text("code")
    if not session.claim(entry, "code", "backend", code):
        return
    stored = Backend.objects.filter(code=code).first()
    data = {
        "code": code,
        "region": entry.text("region"),
        "capacity": entry.text("capacity"),
        **_connection(session, entry),
    }
    form = BackendForm(data, by=None, instance=stored)
    session.save(form, entry, kind="backend", name=code, keys=_INSTANCE_KEYS)


def apply_instance(session: Session, entry: Entry) -> None:
    """Create or change the instance; a new or changed connection is put down to be tried."""
    uin, name = entry.text("account"), entry.text("name")
    if not session.claim(entry, "name", "instance", uin, name):
        return
    account = Account.objects.filter(uin=uin).first()
    if account is None:
        if ("account", uin) not in session.refused:
            session.refuse(entry, "account", f"There is no account “{uin}”.")
        session.refused.add(("instance", name))
        return
    stored = _find_stored(account, entry)
    if not _kind_fits(session, entry, stored):
        session.refused.add(("instance", name))
        return
    form = InstanceForm(
        {
            "instance_id": entry.text("instance_id"),
            "kind": entry.text("kind"),
            "name": name,
            "edition": entry.text("edition", stored.edition if stored else Edition.STANDARD),
            "region": entry.text("region"),
            "requests_per_second": entry.text("requests_per_second"),
            "bandwidth": entry.text("bandwidth"),
            "bandwidth_windows": entry.text("bandwidth_windows"),
            "is_deletion_protected": bool(stored and stored.is_deletion_protected),
            **_connection(session, entry),
        },
        account=account,
        by=None,
        instance=stored,
        check=False,
        with_id=True,
    )
    is_new = form.is_valid() and form.connection_is_changed
    form.was_tried = is_new and session.has_checked
    if is_new and session.is_checking:
        session.checks.append(ConnectionCheck(entry, form.endpoint(), _INSTANCE_KEYS))
    if session.save(form, entry, kind="instance", name=f"{uin}/{name}", keys=_INSTANCE_KEYS) is None:
        session.refused.add(("instance", name))


def _kind_fits(session: Session, entry: Entry, stored: Instance | None) -> bool:
    """Tell whether the kind is that of the stored instance, and has the keys of a connection that it needs."""
    kind = entry.values.setdefault("kind", InstanceKind.CONNECTED.value)
    if stored and stored.kind != kind:
        words = f"This instance is {stored.kind}, which cannot be changed."
        session.refuse(entry, "kind" if "kind" in entry.lines else "name", words)
        return False
    if kind == InstanceKind.CONNECTED:
        if not entry.text("endpoint"):
            session.refuse(entry, "endpoint", "This key is missing or empty.")
        return bool(entry.text("endpoint"))
    foreign = [key for key in _CONNECTED_ONLY if key in entry.values]
    for key in foreign:
        session.refuse(entry, key, "A hosted instance has no connection of its own: leave this key out.")
    return not foreign


def _find_stored(account: Account, entry: Entry) -> Instance | None:
    instances = Instance.objects.filter(account=account).select_related("region")
    by_id = instances.filter(instance_id=entry.text("instance_id")).first()
    return by_id or instances.filter(name=entry.text("name")).first()


def _connection(session: Session, entry: Entry) -> dict[str, Any]:
    return {
        "endpoint_url": entry.text("endpoint"),
        "username": entry.text("username"),
        "password": entry.text("password"),
        "verify_tls": not entry.flag("insecure"),
        "ca_pem": _certificate(session, entry),
    }


def _certificate(session: Session, entry: Entry) -> str:
    """Return the certificate, from a file beside the declarative one if the value is not one itself."""
    value = entry.text("ca")
    if not value or "-----BEGIN" in value:
        return value
    try:
        return (session.directory / value).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        session.refuse(entry, "ca", f"The file “{value}” cannot be read: {reason}.")
        return ""
