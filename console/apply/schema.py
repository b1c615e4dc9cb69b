"""The sections of a file and their keys, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto

from registries.models import Edition, InstanceKind, Permission, Role
from syncjobs.models import ArtifactType, FilterSyntax


class Kind(Enum):
    """What a key may hold."""

    TEXT = auto()
    SECRET = auto()
    BOOLEAN = auto()
    TEXTS = auto()
    ENTRIES = auto()


@dataclass(frozen=True, slots=True)
class Key:
    """
    One key of a section.

    A SECRET may also come from the environment, by a key of the same name with `_env`.
    """

    kind: Kind = Kind.TEXT
    is_required: bool = False
    choices: tuple[str, ...] = ()
    entries: Mapping[str, Key] = field(default_factory=dict)


_TEXT = Key()
_NEEDED = Key(is_required=True)
_SECRET = Key(Kind.SECRET)
_BOOLEAN = Key(Kind.BOOLEAN)

_CONNECTION = {
    "endpoint": _NEEDED,
    "username": _TEXT,
    "password": _SECRET,
    "insecure": _BOOLEAN,
    "ca": _TEXT,
}
_GRANT = {"instance": _NEEDED, "permission": Key(is_required=True, choices=tuple(Permission.values))}
_USER = {
    "username": _NEEDED,
    "password": _SECRET,
    "role": Key(is_required=True, choices=tuple(Role.values)),
    "email": _TEXT,
    "grants": Key(Kind.ENTRIES, entries=_GRANT),
}
_STAFF = {"username": _NEEDED, "password": _SECRET, "email": _TEXT}
_ACCOUNT = {"uin": _NEEDED, "name": _NEEDED, "users": Key(Kind.ENTRIES, entries=_USER)}
_REGION = {
    "code": _NEEDED,
    "numeric_id": _TEXT,
    "name_en": _TEXT,
    "name_zh": _TEXT,
    "jurisdiction": _TEXT,
}
_BACKEND = {"code": _NEEDED, "region": _NEEDED, **_CONNECTION, "capacity": _TEXT}
_INSTANCE = {
    "name": _NEEDED,
    "account": _NEEDED,
    "edition": Key(choices=tuple(Edition.values)),
    "region": _NEEDED,
    "instance_id": _TEXT,
    "kind": Key(choices=tuple(InstanceKind.values)),
    **_CONNECTION,
    "endpoint": _TEXT,
    "requests_per_second": _TEXT,
    "bandwidth": _TEXT,
    "bandwidth_windows": _TEXT,
}
_CREDENTIAL = {
    "instance": _NEEDED,
    "account": _TEXT,
    "username": _TEXT,
    "secret": _SECRET,
    "secret_file": _TEXT,
    "namespaces": Key(Kind.TEXTS),
    "permissions": Key(Kind.TEXTS),
    "expires_at": _TEXT,
    "description": _TEXT,
}
_REPLICA = {"primary": _NEEDED, "account": _TEXT, "region": _NEEDED}
_RULE = {
    "source": _NEEDED,
    "account": _TEXT,
    "name": _NEEDED,
    "description": _TEXT,
    "namespace": _NEEDED,
    "repository": _TEXT,
    "tag": _TEXT,
    "syntax": Key(choices=tuple(FilterSyntax.values)),
    "type": Key(choices=tuple(ArtifactType.values)),
    "target": _NEEDED,
    "target_account": _TEXT,
    "target_username": _TEXT,
    "target_password": _SECRET,
    "target_namespace": _TEXT,
    "flatten": _BOOLEAN,
    "override": _BOOLEAN,
    "referrers": _BOOLEAN,
    "sync_deletions": _BOOLEAN,
    "bandwidth": _TEXT,
    "bandwidth_windows": _TEXT,
    "push": _BOOLEAN,
    "schedule": _TEXT,
    "time_zone": _TEXT,
    "poll_interval": _TEXT,
    "sweep_interval": _TEXT,
    "retry_window": _TEXT,
    "enabled": _BOOLEAN,
}

FILE: Mapping[str, Key] = {
    "regions": Key(Kind.ENTRIES, entries=_REGION),
    "backends": Key(Kind.ENTRIES, entries=_BACKEND),
    "accounts": Key(Kind.ENTRIES, entries=_ACCOUNT),
    "staff": Key(Kind.ENTRIES, entries=_STAFF),
    "instances": Key(Kind.ENTRIES, entries=_INSTANCE),
    "credentials": Key(Kind.ENTRIES, entries=_CREDENTIAL),
    "replicas": Key(Kind.ENTRIES, entries=_REPLICA),
    "rules": Key(Kind.ENTRIES, entries=_RULE),
}
"""In the order in which sections are applied: later ones refer to earlier ones."""
