"""Applies replicas of instances: they are created, and otherwise left alone."""

from __future__ import annotations

from console import references
from console.apply.credentials import find_instance
from console.apply.entries import Entry
from console.apply.session import Session
from registries.models import Region, ReplicaStatus
from syncjobs.replica_form import ReplicaForm


def apply_replica(session: Session, entry: Entry) -> None:
    """Create the replica of the primary in the region, unless it is there."""
    primary = find_instance(session, entry, "primary")
    if primary is None:
        return
    code = entry.text("region")
    if not session.claim(entry, "region", "replica", primary.pk, code):
        return
    region = Region.objects.filter(code=code).first()
    stored = primary.replicas.exclude(status=ReplicaStatus.DELETING).filter(region=region).first()
    form = ReplicaForm({"region": code}, primary=primary, by=None, instance=stored)
    name = f"{references.name_of_instance(primary)}/{code}"
    session.save(form, entry, kind="replica", name=name, keys={"__all__": "primary"})
