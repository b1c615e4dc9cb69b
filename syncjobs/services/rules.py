"""Creates, changes, switches, triggers and deletes synchronization rules."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from registries import audit, permissions, quotas
from registries.models import AccessCredential, CredentialState, Instance, Permission, User
from registries.policies import Refused, check_can_hold_rules
from registries.services import access_credentials
from registries.services.access_credentials import CredentialRejected
from registries.vault import VaultError
from syncjobs import policies, reasons, schedules
from syncjobs.models import Execution, Rule, Trigger
from syncjobs.services import executions

_SECRET_FIELD = "target_password"  # noqa: S105 - a field name
_STORED_WITH_IT = frozenset(
    {"updated_at", "target_instance_id", "target_username", "target_token_id", "sealed_target_password"}
)
_TIMING_FIELDS = frozenset({"schedule", "time_zone", "is_enabled"})
_PLANNED_BY = {"poll_interval_seconds": "next_poll_at", "sweep_interval_seconds": "next_sweep_at"}


@transaction.atomic
def create(*, values: dict[str, Any], by: User | None, now: datetime) -> Rule:
    """
    Create a rule, enabled unless the values say otherwise.

    `values` are the cleaned data of a RuleForm: fields of Rule, and `target_password` of a cross-tenant rule,
    which is stored sealed.

    Raises PermissionDenied, Refused for the wrong edition, too many rules or a foreign target without a
    credential, and CredentialRejected.
    """
    rule = Rule(created_by=by)
    secret = _assign(rule, values)
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    check_can_hold_rules(rule.source)
    quotas.check_room(quotas.Quota.RULES, rule.source)
    _check_target(rule, secret, by, now)
    rule.next_run_at = schedules.next_run(rule.schedule, rule.time_zone, after=now)
    rule.save()
    _store_secret(rule, secret)
    audit.record(
        audit.Verb.RULE_CREATED,
        by=by,
        target=rule,
        account=rule.source.account,
        now=now,
        changes={name: _shown(rule, getattr(rule, name)) for name in values if name != _SECRET_FIELD},
    )
    return rule


@transaction.atomic
def update(*, rule: Rule, values: dict[str, Any], by: User | None, now: datetime) -> dict[str, Any]:
    """
    Re-configure the rule; return what changed as {field: [old, new]}.

    A cross-tenant rule whose values bring no `target_password` keeps the stored one, which is checked anew.

    Raises PermissionDenied, Refused and CredentialRejected as `create` does.
    """
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    stored_secret = _find_secret(rule)
    before = {name: getattr(rule, name) for name in values if name != _SECRET_FIELD}
    secret = _assign(rule, values) or (stored_secret if rule.is_cross_tenant else "")
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    check_can_hold_rules(rule.source)
    changes = {
        name: [_shown(rule, old), _shown(rule, getattr(rule, name))]
        for name, old in before.items()
        if getattr(rule, name) != old
    }
    if secret != stored_secret:
        changes[_SECRET_FIELD] = ["", "changed"]
    if not changes:
        return {}
    _check_target(rule, secret, by, now)
    stored_fields = {*changes, *_STORED_WITH_IT} - {_SECRET_FIELD}
    if _TIMING_FIELDS & changes.keys():
        rule.next_run_at = schedules.next_run(rule.schedule, rule.time_zone, after=now)
        stored_fields.add("next_run_at")
    for interval in _PLANNED_BY.keys() & changes.keys():
        setattr(rule, _PLANNED_BY[interval], None)  # the next tick plans anew
        stored_fields.add(_PLANNED_BY[interval])
    rule.save(update_fields=stored_fields)
    _store_secret(rule, secret)
    audit.record(
        audit.Verb.RULE_UPDATED, by=by, target=rule, account=rule.source.account, now=now, changes=changes
    )
    return changes


@transaction.atomic
def set_enabled(*, rule: Rule, is_enabled: bool, by: User | None, now: datetime) -> None:
    """Switch the rule on or off; safe to repeat. Executions that are under way go on."""
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    changed = Rule.objects.filter(pk=rule.pk, is_enabled=not is_enabled).update(
        is_enabled=is_enabled,
        updated_at=now,
        next_run_at=schedules.next_run(rule.schedule, rule.time_zone, after=now),
    )
    rule.is_enabled = is_enabled
    if changed:
        verb = audit.Verb.RULE_ENABLED if is_enabled else audit.Verb.RULE_DISABLED
        audit.record(verb, by=by, target=rule, account=rule.source.account, now=now)


def trigger(*, rule: Rule, by: User | None, now: datetime) -> Execution:
    """
    Open a manual execution of the rule and ring for a worker once committed.

    Scans every matching repository, so it is far heavier than a push.

    Raises PermissionDenied, RuleDisabled if the rule is off, and AlreadyRunning if a scan of it has not
    finished: two scans would only compete for the same blobs.
    """
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    policies.check_can_trigger(rule)
    try:
        with transaction.atomic():
            execution = executions.open_scan(rule=rule, trigger=Trigger.MANUAL, by=by, now=now)
            audit.record(audit.Verb.RULE_TRIGGERED, by=by, target=rule, account=rule.source.account, now=now)
    except IntegrityError:
        raise policies.AlreadyRunning(_("Another scan of this rule was started just now.")) from None
    return execution


@transaction.atomic
def delete(*, rule: Rule, by: User | None, now: datetime) -> None:
    """Delete the rule with its logs; executions under way are abandoned, what they copied stays."""
    permissions.check(by, Permission.SYNCHRONIZE, rule.source)
    audit.record(audit.Verb.RULE_DELETED, by=by, target=rule, account=rule.source.account, now=now)
    rule.delete()


class CredentialStopped(CredentialRejected):
    """
    The credential that a stored rule presents opens its target no longer.

    `reason` is a code of `reasons.py`, which says why as far as somebody may know who once had the right secret.
    `may_heal` is False if nothing that the other account does can make the same secret right again.
    """

    def __init__(self, state: CredentialState | None, *, may_heal: bool) -> None:
        super().__init__()
        self.reason = reasons.of_credential(state)
        self.may_heal = may_heal


def check_credential(*, rule: Rule, now: datetime) -> None:
    """
    Check again what lets a cross-tenant rule push to its target; nothing to do for other rules.

    Raises CredentialStopped, and VaultError if the stored secret does not open.
    """
    if not rule.is_cross_tenant:
        return
    known = rule.target_token_id
    try:
        _verify(rule, rule.open_target_password(), now)
    except CredentialRejected:
        raise _reason_of(rule, now) from None
    if rule.target_token_id != known:
        Rule.objects.filter(pk=rule.pk, target_token_id=known).update(target_token_id=rule.target_token_id)


def _reason_of(rule: Rule, now: datetime) -> CredentialStopped:
    """Return why a credential stopped; only the rule that was saved with the right secret gets to know."""
    known = AccessCredential.objects.filter(
        token_id=rule.target_token_id, instance__instance_id=rule.target_instance_id
    ).first()
    if known is None:
        return CredentialStopped(None, may_heal=False)
    return CredentialStopped(known.state(now), may_heal=True)


def _shown(rule: Rule, value: object) -> str:
    """Return a value for the audit log: another account's instance by its ID, for its name is that account's."""
    if isinstance(value, Instance) and value.account_id != rule.source.account_id:
        return value.instance_id
    return str(value)


def _assign(rule: Rule, values: dict[str, Any]) -> str:
    for name, value in values.items():
        if name != _SECRET_FIELD:
            setattr(rule, name, value)
    if rule.is_cross_tenant:
        if rule.target is not None:
            rule.target_instance_id = rule.target.instance_id
        return str(values.get(_SECRET_FIELD) or "")
    rule.target_username, rule.sealed_target_password = "", ""
    rule.target_instance_id, rule.target_token_id = "", ""
    return ""


def _check_target(rule: Rule, secret: str, by: User | None, now: datetime) -> None:
    if rule.is_cross_tenant:
        _verify(rule, secret, now)
        return
    if rule.target is None:
        raise Refused(_("Choose the target instance."), field="target")
    permissions.check(by, Permission.PUSH, rule.target)
    if rule.target.account_id != rule.source.account_id:
        raise Refused(_("The target instance belongs to another account."), field="target")


def _verify(rule: Rule, secret: str, now: datetime) -> None:
    """Note on the rule which credential its secret is; raises CredentialRejected if it is none that opens."""
    credential = access_credentials.verify_push(
        instance_id=rule.target_instance_id,
        username=rule.target_username,
        secret=secret,
        namespace=rule.target_namespace or rule.namespace,
        now=now,
    )
    rule.target_token_id = credential.token_id


def _find_secret(rule: Rule) -> str:
    try:
        return rule.open_target_password() if rule.is_cross_tenant else ""
    except VaultError:  # its key is lost: it must be entered again
        return ""


def _store_secret(rule: Rule, secret: str) -> None:
    if rule.is_cross_tenant:
        rule.seal_target_password(secret)
        rule.save(update_fields=["sealed_target_password"])
