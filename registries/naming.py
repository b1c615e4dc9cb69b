"""
The grammar of every name, each with its source.

It exists so that pages, REST, the Tencent API and the workers agree on what a name may look like, and say so
in the same sentence. It knows shapes only: whether a name is taken, reserved or existing is asked elsewhere.
"""

import re
import secrets
import string
from dataclasses import dataclass


def _(sentence: str) -> str:
    """Mark a sentence for the catalogue of translations, and return it as it is: this module knows no Django."""
    return sentence


@dataclass(frozen=True, slots=True)
class Grammar:
    """
    The shape of one kind of name.

    `pattern` is matched against the whole value. `minimum` and `maximum` count characters. `sentence` tells a
    user what is allowed, in English; the console looks up its translation.
    """

    pattern: re.Pattern[str]
    minimum: int
    maximum: int
    sentence: str

    def allows(self, value: str) -> bool:
        """Tell whether the value has this shape."""
        return self.minimum <= len(value) <= self.maximum and self.pattern.fullmatch(value) is not None


_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_PATH = rf"{_COMPONENT}(?:/{_COMPONENT})*"
_ALPHANUMERICS = string.ascii_lowercase + string.digits

RULE_NAME = Grammar(
    pattern=re.compile(r"[a-z0-9][a-z0-9._-]*"),
    minimum=1,
    maximum=255,
    sentence=_(
        "Use up to 255 lowercase letters, digits, hyphens, periods and underscores, "
        "beginning with a letter or a digit."
    ),
)
"""Source: Tencent Container Registry, "Cross-Tenant Synchronization" (seed 001), Name; the length is ours."""

INSTANCE_NAME = Grammar(
    pattern=re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"),
    minimum=5,
    maximum=50,
    sentence=_(
        "Use 5 to 50 lowercase letters, digits and hyphens, with no hyphen at the beginning or the end."
    ),
)
"""Source: reference/tencent-api.md section 3.2, Instance."""

INSTANCE_ID = Grammar(
    pattern=re.compile(r"tcr-[a-z0-9]{8}"),
    minimum=12,
    maximum=12,
    sentence=_("An instance ID is “tcr-” followed by 8 lowercase letters and digits."),
)
"""Source: reference/tencent-api.md section 1, identifier shapes (`tcr-dg284imq`)."""

REPLICA_ID = Grammar(
    pattern=re.compile(r"tcr-[a-z0-9]{8}-[0-9]{1,10}-[a-z0-9]{6}"),
    minimum=21,
    maximum=30,
    sentence=_(
        "A replica ID is the ID of its instance, the number of its region "
        "and 6 lowercase letters and digits, joined by hyphens."
    ),
)
"""Source: reference/tencent-api.md section 1, identifier shapes (`tcr-dg284imq-5-os5gcu`)."""

NAMESPACE = Grammar(
    pattern=re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*"),
    minimum=2,
    maximum=30,
    sentence=_(
        "Use 2 to 30 lowercase letters and digits, optionally separated by single periods, "
        "underscores or hyphens."
    ),
)
"""
A namespace created through Regatta.

Source: reference/tencent-api.md section 3.2, Namespace.
"""

CONNECTED_NAMESPACE = Grammar(
    pattern=re.compile(_COMPONENT),
    minimum=1,
    maximum=255,
    sentence=_(
        "A namespace is the first part of a repository's path: lowercase letters and digits, "
        "optionally separated by a period, one or two underscores, or hyphens."
    ),
)
"""
A namespace that a connected registry already has: wider than what Regatta would create.

Source: OCI distribution specification 1.1, "Pulling manifests", one path component of `<name>`.
"""

ALL_NAMESPACES = "*"
"""Stands for every namespace, where one can be chosen."""

SELECTED_NAMESPACE = Grammar(
    pattern=re.compile(rf"\*|{_COMPONENT}"),
    minimum=1,
    maximum=255,
    sentence=_(
        "A namespace is the first part of a repository's path: lowercase letters and digits, "
        "optionally separated by a period, one or two underscores, or hyphens. “*” means all namespaces."
    ),
)
"""
What a rule selects from.

Source: reference/tencent-api.md section 3.4: a rule of the API without a filter of names means all namespaces.
"""

REPOSITORY_PATH = Grammar(
    pattern=re.compile(_PATH),
    minimum=1,
    maximum=255,
    sentence=_(
        "Use up to 255 characters: parts joined by “/”, each of lowercase letters and digits, "
        "optionally separated by a period, one or two underscores, or hyphens."
    ),
)
"""
A whole repository path as a registry sees it, namespace included.

Source: OCI distribution specification 1.1, "Pulling manifests", `<name>`, and its note on the length of 255.
"""

PATH_PREFIX = Grammar(
    pattern=re.compile(_PATH),
    minimum=1,
    maximum=54,
    sentence=_(
        "Use up to 54 characters: parts joined by “/”, each of lowercase letters and digits, "
        "optionally separated by a period, one or two underscores, or hyphens."
    ),
)
"""
Where a hosted instance lives inside its backend.

Source: the grammar is that of a repository path. The length leaves room, within 255, for a “/” and the
longest repository path that the vendor documents, 200 (reference/tencent-api.md section 3.2, Repository).
"""

TAG = Grammar(
    pattern=re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]*"),
    minimum=1,
    maximum=128,
    sentence=_(
        "Use up to 128 letters, digits, underscores, periods and hyphens, "
        "not beginning with a period or a hyphen."
    ),
)
"""Source: OCI distribution specification 1.1, "Pulling manifests", `<reference>` as a tag."""

ACCOUNT_ID = Grammar(
    pattern=re.compile(r"[0-9]+"),
    minimum=5,
    maximum=20,
    sentence=_("An account ID is a number of 5 to 20 digits."),
)
"""Source: reference/tencent-api.md section 1, identifier shapes (UIN); the lengths are ours."""

USER_NAME = Grammar(
    pattern=ACCOUNT_ID.pattern,
    minimum=ACCOUNT_ID.minimum,
    maximum=ACCOUNT_ID.maximum,
    sentence=_("The username of a user-level account is its account ID, a number of 5 to 20 digits."),
)
"""Source: reference/tencent-api.md sections 3.6 and 3.8: a user-level username is the account's UIN."""

SERVICE_ACCOUNT_PREFIX = "tcr$"

SERVICE_ACCOUNT_NAME = Grammar(
    pattern=re.compile(r"tcr\$[a-z0-9][a-z0-9._-]*"),
    minimum=5,
    maximum=64,
    sentence=_(
        "A service-level account is named “tcr$” followed by lowercase letters, digits, hyphens, periods "
        "and underscores, 64 characters at most."
    ),
)
"""Source: reference/tencent-api.md sections 3.2 and 3.8 for the prefix; the rest is ours."""

REGION_CODE = Grammar(
    pattern=re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*"),
    minimum=2,
    maximum=64,
    sentence=_("A region code is lowercase words and numbers joined by hyphens, such as “ap-guangzhou”."),
)
"""Source: reference/tencent-api.md appendix A; wider than the vendor's codes, as operators name their own."""


def is_service_account_name(value: str) -> bool:
    """
    Tell whether a username is meant as a service-level account.

    Looks at the prefix only, blanks and case aside, so that a mistyped name gets the message made for it.
    """
    return value.strip().lower().startswith(SERVICE_ACCOUNT_PREFIX)


def new_instance_id() -> str:
    """Return a random instance ID; 36^8 are possible, so the caller's unique constraint still matters."""
    return f"tcr-{_random_alphanumerics(8)}"


def new_replica_id(instance_id: str, region_id: int) -> str:
    """
    Return a random ID for a replica of the instance in the region with that number.

    Raises ValueError if the parts do not make up a replica ID.
    """
    replica_id = f"{instance_id}-{region_id}-{_random_alphanumerics(6)}"
    if not REPLICA_ID.allows(replica_id):
        raise ValueError(REPLICA_ID.sentence)
    return replica_id


def new_path_prefix() -> str:
    """
    Return a random place inside a backend for an instance or a replica.

    It tells nothing, so that it can stand in a push address; and what was deleted is never inherited by somebody
    who got the same ID again. 36^15 are possible, so the caller's unique constraint still matters.
    """
    return f"r{_random_alphanumerics(15)}"


def _random_alphanumerics(length: int) -> str:
    return "".join(secrets.choice(_ALPHANUMERICS) for _ in range(length))
