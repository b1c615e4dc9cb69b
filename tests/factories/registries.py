"""Builders of what exists: accounts, users, regions, backends, instances, credentials, replicas."""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.hashers import make_password

from registries import naming
from registries.models import (
    AccessCredential,
    Account,
    Backend,
    Credential,
    CredentialKind,
    Edition,
    Grant,
    Instance,
    InstanceKind,
    Namespace,
    Permission,
    Region,
    Replica,
    ReplicaStatus,
    Role,
    User,
)

PASSWORD = "correct-horse-7"
"""The password of every user and the secret of every access credential that a test doesn't name."""

_numbers = itertools.count(1)


def make_account(**fields: Any) -> Account:
    number = next(_numbers)
    return Account.objects.create(**{"uin": f"1000{number:08d}", "name": f"Account {number}"} | fields)


def make_user(
    *, account: Account | None = None, role: str = Role.OWNER, password: str = PASSWORD, **fields: Any
) -> User:
    """Build a user of the account (a new one if none is given)."""
    username = fields.pop("username", None) or f"user{next(_numbers)}"
    return User.objects.create_user(
        username=username, account=account or make_account(), role=role, password=password, **fields
    )


def make_staff(*, password: str = PASSWORD, **fields: Any) -> User:
    """Build a member of the platform's staff, who belongs to no account."""
    login = fields.pop("login", None) or f"staff{next(_numbers)}"
    return User.objects.create_superuser(login=login, password=password, **fields)


def make_region(code: str = "", **fields: Any) -> Region:
    """Return the region of that code, as the migration or an earlier test left it, or build it."""
    number = next(_numbers)
    code = code or f"test-region-{number}"
    defaults: dict[str, Any] = {
        "numeric_id": 100_000 + number,
        "name_en": f"Region {number}",
        "name_zh": f"地域{number}",
        "jurisdiction": "test",
    }
    region, is_new = Region.objects.get_or_create(code=code, defaults=defaults | fields)
    if fields and not is_new:
        Region.objects.filter(pk=region.pk).update(**fields)
        region.refresh_from_db()
    return region


def make_backend(*, username: str = "", password: str = "", **fields: Any) -> Backend:
    number = next(_numbers)
    fields.setdefault("region", None)
    fields["region"] = fields["region"] or make_region()
    defaults: dict[str, Any] = {
        "code": f"backend-{number}",
        "endpoint_url": f"http://127.0.0.1:{20_000 + number % 20_000}",
    }
    backend = Backend.objects.create(**defaults | fields)
    if username:
        make_credential(backend=backend, username=username, password=password)
    return backend


def make_instance(*, username: str = "", password: str = "", **fields: Any) -> Instance:
    """Build a connected instance; with a username it has a stored credential."""
    number = next(_numbers)
    defaults: dict[str, Any] = {
        "name": f"instance-{number}",
        "edition": Edition.STANDARD,
        "endpoint_url": f"http://127.0.0.1:{20_000 + number % 20_000}",
    }
    fields["account"] = fields.get("account") or make_account()
    fields["region"] = fields.get("region") or make_region("ap-guangzhou")
    instance = Instance.objects.create(**defaults | fields)
    if username:
        make_credential(instance=instance, username=username, password=password)
    return instance


def make_hosted_instance(**fields: Any) -> Instance:
    """Build an instance that lives under a prefix of a backend."""
    number = next(_numbers)
    backend = fields.pop("backend", None) or make_backend()
    defaults: dict[str, Any] = {
        "kind": InstanceKind.HOSTED,
        "endpoint_url": "",
        "prefix": f"hosted-{number}",
        "backend": backend,
        "region": backend.region,
    }
    return make_instance(**defaults | fields)


def make_credential(*, username: str = "robot", password: str = PASSWORD, **holder: Any) -> Credential:
    """Build the stored credential of `instance=` or `backend=`."""
    credential = Credential(username=username, **holder)
    credential.seal_password(password)
    credential.save()
    return credential


def make_access_credential(
    *, instance: Instance | None = None, secret: str = PASSWORD, **fields: Any
) -> AccessCredential:
    """Build an issued credential: user-level unless `username` begins with `tcr$`."""
    instance = instance or make_instance()
    username = fields.pop("username", instance.account.uin)
    owner = instance.account.users.filter(role=Role.OWNER).first()
    is_service = naming.is_service_account_name(username)
    defaults: dict[str, Any] = {
        "kind": CredentialKind.SERVICE if is_service else CredentialKind.USER,
        "token_id": f"{next(_numbers):020d}",
        "secret_hash": make_password(secret),
        "created_by": fields.pop("created_by", None) or owner or make_user(account=instance.account),
    }
    return AccessCredential.objects.create(instance=instance, username=username, **defaults | fields)


def make_grant(*, user: User, instance: Instance, permission: str = Permission.SYNCHRONIZE) -> Grant:
    return Grant.objects.create(user=user, instance=instance, permission=permission)


def make_namespace(*, instance: Instance | None = None, **fields: Any) -> Namespace:
    defaults: dict[str, Any] = {"instance": instance or make_instance(), "name": f"namespace{next(_numbers)}"}
    return Namespace.objects.create(**defaults | fields)


def make_replica(*, primary: Instance | None = None, **fields: Any) -> Replica:
    """Build a running replica of the primary (a new premium instance if none is given)."""
    primary = primary or make_instance(edition=Edition.PREMIUM)
    backend = fields.pop("backend", None) or make_backend()
    defaults: dict[str, Any] = {
        "region": backend.region,
        "replica_id": naming.new_replica_id(primary.instance_id, backend.region.numeric_id),
        "prefix": f"replica-{next(_numbers)}",
        "status": ReplicaStatus.RUNNING,
    }
    return Replica.objects.create(primary=primary, backend=backend, **defaults | fields)
