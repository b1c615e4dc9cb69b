"""
Finds what people name on a command line or in a file: instances by ID or name, rules by instance and name,
replicas by ID, backends by code.

For the platform's own faces only: it sees every account.
"""

from __future__ import annotations

from registries import naming
from registries.models import Backend, Instance, Replica
from syncjobs.models import Rule


class ReferenceProblemError(Exception):
    """Nothing, or more than one thing, has this name; the message says which and what to write instead."""


def find_instance(text: str, *, account_uin: str = "") -> Instance:
    """
    Return the instance with this ID, `Account ID/name`, or name.

    `account_uin` narrows a name to one account. Raises ReferenceProblemError if there is none, or several.
    """
    uin, slash, name = text.rpartition("/")
    instances = Instance.objects.select_related("account", "region")
    if naming.INSTANCE_ID.allows(text):
        found = instances.filter(instance_id=text).first()
        if found:
            return found
    uin = uin if slash else account_uin
    named = instances.filter(name=name)
    candidates = list(named.filter(account__uin=uin) if uin else named)
    if len(candidates) > 1:
        choices = ", ".join(f"{one.account.uin}/{one.name} ({one.instance_id})" for one in candidates)
        raise ReferenceProblemError(f"Several accounts have an instance “{name}”. Write one of: {choices}.")
    if not candidates:
        where = f" in account {uin}" if uin else ""
        raise ReferenceProblemError(f"There is no such instance: “{name}”{where}.")
    return candidates[0]


def find_rule(text: str) -> Rule:
    """
    Return the rule named `INSTANCE/RULE`, where INSTANCE is as for `find_instance`.

    Raises ReferenceProblemError.
    """
    instance_text, slash, name = text.rpartition("/")
    if not slash or not instance_text or not name:
        raise ReferenceProblemError("Write INSTANCE/RULE; the instance by ID, name, or Account ID/name.")
    instance = find_instance(instance_text)
    rule = Rule.objects.filter(source=instance, name=name).select_related("source__account", "target").first()
    if rule is None:
        names = ", ".join(Rule.objects.filter(source=instance).values_list("name", flat=True)[:10])
        known = f" It has: {names}." if names else " It has no rules."
        raise ReferenceProblemError(f"The instance {instance.name} has no rule “{name}”.{known}")
    return rule


def find_replica(text: str) -> Replica:
    """Return the replica with this ID; raises ReferenceProblemError."""
    found = Replica.objects.select_related("primary__account", "primary__region", "region", "backend")
    replica = found.filter(replica_id=text).first()
    if replica is None:
        raise ReferenceProblemError(
            f"There is no such replica: “{text}”. `manage.py replicas list` lists them."
        )
    return replica


def find_backend(text: str) -> Backend:
    """Return the backend with this code; raises ReferenceProblemError."""
    backend = Backend.objects.filter(code=text).first()
    if backend is None:
        known = ", ".join(Backend.objects.values_list("code", flat=True)[:10])
        raise ReferenceProblemError(f"There is no such backend: “{text}”. There are: {known or 'none'}.")
    return backend


def name_of_instance(instance: Instance) -> str:
    """Return a name that `find_instance` finds: `Account ID/name`."""
    return f"{instance.account.uin}/{instance.name}"


def name_of_rule(rule: Rule) -> str:
    """Return a name that `find_rule` finds: `Account ID/instance/rule`."""
    return f"{name_of_instance(rule.source)}/{rule.name}"
