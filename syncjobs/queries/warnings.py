"""What will stop a cross-tenant rule, before it does: the state of the credential that it presents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from registries import permissions
from registries.models import AccessCredential, Action, CredentialState, Permission
from syncjobs import reasons
from syncjobs.models import Rule

_WARNED_BEFORE = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class CredentialWarning:
    """Why the rule no longer reaches its target (a code of `reasons.py`), or when it no longer will."""

    reason: str = ""
    ends_at: datetime | None = None


def find_warning(rule: Rule, now: datetime) -> CredentialWarning | None:
    """Return what stands in the way of the rule, None if nothing does."""
    return list_warnings([rule], now).get(rule.pk)


def list_warnings(rules: Iterable[Rule], now: datetime) -> dict[int, CredentialWarning]:
    """
    Return what stands in the way of cross-tenant rules, by the id of the rule; one query for all of them.

    It opens no secret: a rule knows which credential was last accepted for it.
    """
    foreign = [rule for rule in rules if rule.is_cross_tenant]
    if not foreign:
        return {}
    found = AccessCredential.objects.filter(token_id__in={rule.target_token_id for rule in foreign})
    credentials = {
        (credential.token_id, credential.instance.instance_id): credential
        for credential in found.select_related("instance__account", "created_by__account")
    }
    issuers_may = {credential.pk: _issuer_may(credential) for credential in credentials.values()}
    warnings = {}
    for rule in foreign:
        credential = credentials.get((rule.target_token_id, rule.target_instance_id))
        is_backed = credential is not None and issuers_may[credential.pk]
        warning = _warning_of(rule, credential, now, is_backed=is_backed)
        if warning is not None:
            warnings[rule.pk] = warning
    return warnings


def _warning_of(
    rule: Rule, credential: AccessCredential | None, now: datetime, *, is_backed: bool
) -> CredentialWarning | None:
    if credential is None:
        return CredentialWarning(reasons.CREDENTIAL_REJECTED)
    state = credential.state(now)
    if state != CredentialState.USABLE:
        return CredentialWarning(reasons.of_credential(state))
    if not credential.allows(Action.PUSH, rule.target_namespace or rule.namespace) or not is_backed:
        return CredentialWarning(reasons.CREDENTIAL_REJECTED)
    if credential.expires_at is not None and credential.expires_at < now + _WARNED_BEFORE:
        return CredentialWarning(ends_at=credential.expires_at)
    return None


def _issuer_may(credential: AccessCredential) -> bool:
    return credential.instance.account.is_active and permissions.can(
        credential.created_by, Permission.PUSH, credential.instance
    )
