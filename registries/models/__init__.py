"""What exists, and who may touch it: one model per file."""

from registries.models.access_credential import AccessCredential, CredentialKind
from registries.models.account import Account, Role, User
from registries.models.audit_event import AuditEvent
from registries.models.backend import Backend
from registries.models.credential import Credential
from registries.models.grant import Grant, Permission
from registries.models.instance import Edition, Health, Instance, InstanceKind, InstanceStatus
from registries.models.namespace import Namespace
from registries.models.region import Region
from registries.models.replica import Replica, ReplicaStatus

__all__ = [
    "AccessCredential",
    "Account",
    "AuditEvent",
    "Backend",
    "Credential",
    "CredentialKind",
    "Edition",
    "Grant",
    "Health",
    "Instance",
    "InstanceKind",
    "InstanceStatus",
    "Namespace",
    "Permission",
    "Region",
    "Replica",
    "ReplicaStatus",
    "Role",
    "User",
]
