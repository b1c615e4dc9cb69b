"""
Previews rules, stored or not: what a run would do now, found out without changing anything anywhere.

The registries are asked by the web server or a command itself, a few previews at a time: a preview that waited for
a worker would tell of what was, and one thread for each curious user would leave none for the pages.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils.translation import gettext as _

from registries import permissions
from registries.models import Instance, Permission, User
from registries.policies import Refused, check_can_hold_rules
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from registries.transfer.plan import ALL_KINDS, CopyOptions
from registries.vault import VaultError
from syncjobs import reasons
from syncjobs.models import ArtifactType, Rule
from syncjobs.services import rules
from syncjobs.services.previewing.report import Action, Limits, Preview, Problem
from syncjobs.services.previewing.survey import Order, look
from syncjobs.services.rules import CredentialStopped

__all__ = ["Action", "Limits", "Preview", "Problem", "preview"]

_AT_ONCE = 3

_turns = threading.BoundedSemaphore(_AT_ONCE)
log = logging.getLogger(__name__)


def preview(
    *, rule: Rule, by: User | None, now: datetime, secret: str | None = None, limits: Limits | None = None
) -> Preview:
    """
    Return what a run of the rule would do now; takes 20 seconds at most, unless other limits are given.

    The rule may be one that is not stored; if it is to another account, `secret` is then the password that
    it would present. None means the stored one. What is deleted at the source is no part of it, because only a
    push event tells of that. Nothing is written at the registries. Of the database only the credential's time of
    use may change, as with each check of it. Not for code that runs in an event loop, nor inside a transaction.

    Raises PermissionDenied, and Refused if the source can hold no rules or too many previews are under way.
    """
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    check_can_hold_rules(rule.source)
    problem = _find_problem(rule, secret, now)
    if problem is not None:
        return Preview(problem=problem)
    if rule.target is None:
        raise Refused(_("Choose the target instance."), field="target")
    if rule._state.adding and not rule.is_cross_tenant:
        _check_own_target(rule.source, rule.target, by)
    try:
        order = _order(rule, rule.target)
    except VaultError as error:
        log.error("Rule %s: %s", rule.pk, error)
        return Preview(problem=Problem(reasons.SECRET_UNREADABLE))
    with _turn():
        return asyncio.run(look(order, limits or Limits()))


@contextmanager
def _turn() -> Iterator[None]:
    if not _turns.acquire(blocking=False):
        raise Refused(_("Several previews are under way. Try again in a few seconds."))
    try:
        yield
    finally:
        _turns.release()


def _check_own_target(source: Instance, target: Instance, by: User | None) -> None:
    """Refuse what `rules.create` would refuse, so that a preview reads no more than a rule could."""
    permissions.check(by, Permission.PUSH, target)
    if target.account_id != source.account_id:
        raise Refused(_("The target instance belongs to another account."), field="target")


def _find_problem(rule: Rule, secret: str | None, now: datetime) -> Problem | None:
    """Return what keeps a rule from pushing to another account, as an execution would say it; None if nothing."""
    if not rule.is_cross_tenant:
        return None
    try:
        if secret is None:
            rules.check_credential(rule=rule, now=now)
        else:
            _verify(rule, secret, now)
    except CredentialStopped as stopped:
        return Problem(stopped.reason, "target")
    except CredentialRejected:
        return Problem(reasons.CREDENTIAL_REJECTED, "target")
    except VaultError as error:
        log.error("Rule %s: %s", rule.pk, error)
        return Problem(reasons.SECRET_UNREADABLE)
    return None


def _verify(rule: Rule, secret: str, now: datetime) -> None:
    access_credentials.verify_push(
        instance_id=rule.target_instance_id,
        username=rule.target_username,
        secret=secret,
        namespace=rule.target_namespace or rule.namespace,
        now=now,
    )


def _order(rule: Rule, target: Instance) -> Order:
    has_all = rule.artifact_type == ArtifactType.BOTH
    return Order(
        selection=rule.selection,
        options=CopyOptions(
            override=rule.override,
            kinds=ALL_KINDS if has_all else frozenset({rule.artifact_type}),
            referrers=rule.with_referrers,
        ),
        source=rule.source.endpoint(),
        target=target.endpoint(),
        source_requests_per_second=rule.source.requests_per_second,
        target_requests_per_second=target.requests_per_second,
        hides_target=rule.is_cross_tenant,
    )
