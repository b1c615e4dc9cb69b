"""Changes what an issued access credential opens and which secret opens it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from registries import audit, permissions
from registries.models import AccessCredential, Permission, User


@transaction.atomic
def change(
    *,
    credential: AccessCredential,
    secret: str | None,
    namespaces: list[str],
    by: User,
    now: datetime,
) -> dict[str, Any]:
    """
    Change the secret (None keeps it) and the namespaces; return what changed as {field: [old, new]}.

    Raises PermissionDenied unless `by` may push to the instance.
    """
    permissions.check(by, Permission.PUSH, credential.instance)
    changes: dict[str, Any] = {}
    if credential.namespaces != namespaces:
        changes["namespaces"] = [", ".join(credential.namespaces), ", ".join(namespaces)]
        credential.namespaces = namespaces
    if secret is not None and not check_password(secret, credential.secret_hash):
        changes["secret"] = ["", "changed"]
        credential.secret_hash = make_password(secret)
    if changes:
        credential.save()
        audit.record(
            audit.Verb.ACCESS_CREDENTIAL_CHANGED,
            by=by,
            target=credential,
            account=credential.instance.account,
            now=now,
            changes=changes,
        )
    return changes
