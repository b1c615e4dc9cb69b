"""Applies synchronization rules."""

from __future__ import annotations

from typing import Any

from console import references
from console.apply.credentials import find_instance
from console.apply.entries import Entry
from console.apply.session import Session
from registries import naming
from registries.models import Instance
from syncjobs.forms import RuleForm
from syncjobs.models import Rule

_KEYS = {
    "artifact_type": "type",
    "target_instance_id": "target",
    "is_cross_tenant": "target_account",
    "is_flattened": "flatten",
    "with_referrers": "referrers",
    "is_push_triggered": "push",
    "poll_interval_seconds": "poll_interval",
    "sweep_interval_seconds": "sweep_interval",
    "retry_window_seconds": "retry_window",
    "is_enabled": "enabled",
    "__all__": "source",
}


def apply_rule(session: Session, entry: Entry) -> None:
    """Create or re-configure the rule; keys that the file leaves out get their defaults."""
    source = find_instance(session, entry, "source")
    if source is None:
        return
    name = entry.text("name")
    if not session.claim(entry, "name", "rule", source.pk, name):
        return
    target = _target(session, entry, source)
    if target is None:
        return
    data = {
        "name": name,
        "description": entry.text("description"),
        "namespace": entry.text("namespace"),
        "repository": entry.text("repository"),
        "tag": entry.text("tag"),
        "syntax": entry.text("syntax"),
        "artifact_type": entry.text("type"),
        **target,
        "target_namespace": entry.text("target_namespace"),
        "is_flattened": entry.flag("flatten"),
        "override": entry.flag("override"),
        "with_referrers": entry.flag("referrers", default=True),
        "sync_deletions": entry.flag("sync_deletions"),
        "bandwidth": entry.text("bandwidth"),
        "bandwidth_windows": entry.text("bandwidth_windows"),
        "is_push_triggered": entry.flag("push", default=True),
        "schedule": entry.text("schedule"),
        "time_zone": entry.text("time_zone"),
        "poll_interval_seconds": entry.text("poll_interval"),
        "sweep_interval_seconds": entry.text("sweep_interval"),
        "retry_window_seconds": entry.text("retry_window"),
        "is_enabled": entry.flag("enabled", default=True),
    }
    stored = Rule.objects.filter(source=source, name=name).select_related("target").first()
    form = RuleForm(data, source=source, by=None, instance=stored)
    session.save(form, entry, kind="rule", name=f"{references.name_of_instance(source)}/{name}", keys=_KEYS)


def _target(session: Session, entry: Entry, source: Instance) -> dict[str, Any] | None:
    """Return the form's data about the target; None, having noted it, if the name leads nowhere."""
    text = entry.text("target")
    own_uin = source.account.uin
    uin = entry.text("target_account") or text.rpartition("/")[0]
    is_foreign = entry.has_any("target_username", "target_password") or uin not in {"", own_uin}
    username = entry.text("target_username", uin)
    if naming.INSTANCE_ID.allows(text):
        target_id = text
    else:
        account_uin = uin or (username if is_foreign else own_uin)
        try:
            target_id = references.find_instance(text, account_uin=account_uin).instance_id
        except references.ReferenceProblemError as problem:
            if ("instance", text.rpartition("/")[2]) not in session.refused:
                session.refuse(entry, "target", str(problem))
            return None
    if not is_foreign:
        return {"target": target_id}
    return {
        "is_cross_tenant": True,
        "target_instance_id": target_id,
        "target_username": username,
        "target_password": entry.text("target_password"),
    }
