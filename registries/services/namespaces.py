"""
Creates, changes and deletes the namespaces that an instance knows by name.

A registry has no namespaces of its own: one is there once something is pushed into it. What is created here is kept
by Regatta, so that it can be listed before that; nothing is sent to the registry.
"""

from __future__ import annotations

from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from registries import audit, permissions, quotas
from registries.models import Instance, Namespace, Permission, User
from registries.policies import Refused


class NamespaceExists(Refused):
    """The instance has a namespace of this name."""


@transaction.atomic
def create(*, instance: Instance, name: str, is_public: bool, by: User | None, now: datetime) -> Namespace:
    """
    Create a namespace.

    Raises PermissionDenied unless `by` may push to the instance, QuotaExceeded, and NamespaceExists.
    """
    permissions.check(by, Permission.PUSH, instance)
    quotas.check_room(quotas.Quota.NAMESPACES, instance)
    try:
        with transaction.atomic():
            namespace = Namespace.objects.create(instance=instance, name=name, is_public=is_public)
    except IntegrityError:
        raise NamespaceExists(_("The instance already has a namespace of this name."), field="name") from None
    _note(audit.Verb.NAMESPACE_CREATED, namespace, by, now, {"is_public": is_public})
    return namespace


@transaction.atomic
def set_public(*, namespace: Namespace, is_public: bool, by: User | None, now: datetime) -> None:
    """Note whether the namespace is public; safe to repeat. Raises PermissionDenied unless `by` may manage it."""
    permissions.check(by, Permission.MANAGE, namespace.instance)
    others = Namespace.objects.filter(pk=namespace.pk, is_public=not is_public)
    if others.update(is_public=is_public):
        _note(audit.Verb.NAMESPACE_UPDATED, namespace, by, now, {"is_public": [not is_public, is_public]})
    namespace.is_public = is_public


@transaction.atomic
def delete(*, namespace: Namespace, by: User | None, now: datetime) -> None:
    """Forget the namespace; the registry is not touched. Raises PermissionDenied unless `by` may manage it."""
    permissions.check(by, Permission.MANAGE, namespace.instance)
    _note(audit.Verb.NAMESPACE_DELETED, namespace, by, now, {})
    namespace.delete()


def _note(
    verb: audit.Verb, namespace: Namespace, by: User | None, now: datetime, changes: dict[str, object]
) -> None:
    audit.record(verb, by=by, target=namespace, account=namespace.instance.account, now=now, changes=changes)
