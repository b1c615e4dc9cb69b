"""What exists, and who may touch it: one model per file."""

from registries.models.access_credential import (
    AccessCredential,
    Action,
    CredentialKind,
    CredentialState,
)
from registries.models.account import Account, Role, User
from registries.models.api_key import ApiKey
from registries.models.api_token import ApiToken, TokenScope
from registries.models.audit_event import AuditEvent
from registries.models.backend import Backend
from registries.models.credential import Credential
from registries.models.grant import Grant, Permission
from registries.models.health import Health
from registries.models.instance import Edition, Instance, InstanceKind, InstanceStatus
from registries.models.invitation import Invitation, PasswordReset
from registries.models.namespace import Namespace
from registries.models.region import Region
from registries.models.replica import Replica, ReplicaStatus
from registries.models.sign_in import SignIn, SignInThrottle
from registries.models.stored_answer import StoredAnswer
from registries.models.throttle_window import ThrottleWindow

__all__ = [
    "AccessCredential",
    "Account",
    "Action",
    "ApiKey",
    "ApiToken",
    "AuditEvent",
    "Backend",
    "Credential",
    "CredentialKind",
    "CredentialState",
    "Edition",
    "Grant",
    "Health",
    "Instance",
    "InstanceKind",
    "InstanceStatus",
    "Invitation",
    "Namespace",
    "PasswordReset",
    "Permission",
    "Region",
    "Replica",
    "ReplicaStatus",
    "Role",
    "SignIn",
    "SignInThrottle",
    "StoredAnswer",
    "ThrottleWindow",
    "TokenScope",
    "User",
]
