"""Builders of what exists: accounts, users, regions, backends, instances, credentials, replicas."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.utils import timezone

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
    Invitation,
    Namespace,
    PasswordReset,
    Permission,
    Region,
    Replica,
    ReplicaStatus,
    Role,
    SignIn,
    User,
)
from registries.services import one_time_links

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
        "created_by": fields.pop("created_by", None) or owner or make_user(account=instance.account),
    }
    credential = AccessCredential(instance=instance, username=username, **defaults | fields)
    credential.store_secret(secret)
    credential.save()
    return credential


def make_grant(*, user: User, instance: Instance, permission: str = Permission.SYNCHRONIZE) -> Grant:
    return Grant.objects.create(user=user, instance=instance, permission=permission)


def make_invitation(*, account: Account | None = None, token: str = "", **fields: Any) -> Invitation:
    """Build an invitation that opens with the token and lives for a day."""
    number = next(_numbers)
    now = timezone.now()
    defaults: dict[str, Any] = {
        "account": account or make_account(),
        "username": f"guest{number}",
        "role": Role.VIEWER,
        "token_digest": one_time_links.digest_of(token or f"token-{number}"),
        "created_at": now,
        "expires_at": now + timedelta(days=1),
    }
    return Invitation.objects.create(**defaults | fields)


def make_password_reset(*, user: User | None = None, token: str = "", **fields: Any) -> PasswordReset:
    """Build a reset that opens with the token and lives for a day; the user's password still works."""
    now = timezone.now()
    defaults: dict[str, Any] = {
        "user": user or make_user(),
        "token_digest": one_time_links.digest_of(token or f"token-{next(_numbers)}"),
        "created_at": now,
        "expires_at": now + timedelta(days=1),
    }
    return PasswordReset.objects.create(**defaults | fields)


def make_sign_in(*, user: User | None = None, **fields: Any) -> SignIn:
    """Build an open session of the user, with the row of Django's."""
    now = timezone.now()
    key = f"session-key-{next(_numbers)}"
    defaults: dict[str, Any] = {"session_key": key, "signed_in_at": now, "last_seen_at": now}
    Session.objects.create(session_key=key, session_data="", expire_date=now + timedelta(days=1))
    return SignIn.objects.create(user=user or make_user(), **defaults | fields)


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
