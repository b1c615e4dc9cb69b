"""
Creates replicas of premium instances and marks them for deletion.

What is copied there and taken away again is the affair of `syncjobs/services/replication.py`; what users call
does both at once: `syncjobs/services/deployments.py`.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from registries import audit, naming, permissions, policies, quotas
from registries.models import Instance, Permission, Region, Replica, ReplicaStatus, User
from registries.services import backends


@transaction.atomic
def create(*, primary: Instance, region: Region, by: User | None, now: datetime) -> Replica:
    """
    Create a replica in the emptiest backend of the region, Deploying and empty.

    Raises PermissionDenied unless `by` may manage the primary, ReplicaRefused with the vendor's code where it may
    not stand, and QuotaExceeded.
    """
    permissions.check(by, Permission.MANAGE, primary)
    policies.check_can_replicate_to(primary, region)
    quotas.check_room(quotas.Quota.REPLICAS, primary)
    backend = backends.choose(region)
    try:
        with transaction.atomic():
            replica = Replica.objects.create(
                replica_id=naming.new_replica_id(primary.instance_id, region.numeric_id),
                primary=primary,
                region=region,
                backend=backend,
                prefix=naming.new_path_prefix(),
            )
    except IntegrityError:
        raise policies.ReplicaExists(
            _("A replica in the region %(region)s already exists.") % {"region": region.name}, field="region"
        ) from None
    audit.record(
        audit.Verb.REPLICA_CREATED,
        by=by,
        target=replica,
        account=primary.account,
        now=now,
        changes={"primary": primary.instance_id, "region": region.code},
    )
    return replica


@transaction.atomic
def begin_deletion(*, replica: Replica, by: User | None, now: datetime) -> None:
    """
    Mark the replica as Deleting; it is gone once its content is.

    Raises PermissionDenied unless `by` may manage the primary, and ReplicaBusy if it is being deleted.
    """
    permissions.check(by, Permission.MANAGE, replica.primary)
    remaining = Replica.objects.filter(pk=replica.pk).exclude(status=ReplicaStatus.DELETING)
    if not remaining.update(status=ReplicaStatus.DELETING):
        raise policies.ReplicaBusy(_("The replica is being deleted already."))
    replica.status = ReplicaStatus.DELETING
    audit.record(
        audit.Verb.REPLICA_DELETED,
        by=by,
        target=replica,
        account=replica.primary.account,
        now=now,
        changes={"primary": replica.primary.instance_id, "region": replica.region.code},
    )
