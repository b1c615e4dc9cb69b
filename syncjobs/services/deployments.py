"""Deploys replicas and takes them down: the row in `registries`, and the work that follows, in one act."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from registries.models import Instance, Region, Replica, User
from registries.services import replicas
from syncjobs.models import Execution
from syncjobs.services import replication


@transaction.atomic
def deploy(*, primary: Instance, region: Region, by: User | None, now: datetime) -> Replica:
    """
    Create a replica of the primary in the region and open its back-fill; it is Running once that is done.

    Raises PermissionDenied, ReplicaRefused and QuotaExceeded as `replicas.create` does.
    """
    replica = replicas.create(primary=primary, region=region, by=by, now=now)
    replication.open_backfill(replica=replica, by=by, now=now)
    return replica


@transaction.atomic
def remove(*, replica: Replica, by: User | None, now: datetime) -> Execution | None:
    """
    Mark the replica as Deleting and return the removal of its content; the last thing to go is its row.

    None if a removal was under way already.

    Raises PermissionDenied and ReplicaBusy as `replicas.begin_deletion` does.
    """
    replicas.begin_deletion(replica=replica, by=by, now=now)
    return replication.open_removal(replica=replica, by=by, now=now)
