"""
Why something did not go as usual: codes, with a text for people in both languages.

The codes of errors come from `registries/oci/errors.py` (`RegistryError.code`); the others are decided here
in syncjobs. A code is stored, the text is made when a page is shown.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from registries.models import CredentialState

NOTHING_MATCHED = "nothing_matched"
CREDENTIAL_REJECTED = "credential_rejected"
CREDENTIAL_DISABLED = "credential_disabled"
CREDENTIAL_EXPIRED = "credential_expired"
ACCOUNT_DISABLED = "account_disabled"
TARGET_UNREADABLE = "target_unreadable"
TARGET_COLLISION = "target_collision"
RULE_DISABLED = "rule_disabled"
STOPPED_BY_USER = "stopped_by_user"
WORKER_LOST = "worker_lost"
REPLICA_DELETED = "replica_deleted"
REPLICA_REMOVED = "replica_removed"
DRIFT_MISSING = "drift_missing"
DRIFT_DIFFERENT = "drift_different"
DRIFT_SURPLUS = "drift_surplus"
SECRET_UNREADABLE = "secret_unreadable"  # noqa: S105 - a reason code
INTERNAL = "internal"

TEXTS: Mapping[str, str | Promise] = {
    NOTHING_MATCHED: _("Nothing matched the rule."),
    CREDENTIAL_REJECTED: _("The target instance no longer exists, or no longer accepts the credential."),
    CREDENTIAL_DISABLED: _("The access credential was disabled by the account that issued it."),
    CREDENTIAL_EXPIRED: _("The access credential has expired."),
    ACCOUNT_DISABLED: _("The account was switched off."),
    TARGET_UNREADABLE: _("The registry of the other account cannot be read at this moment."),
    TARGET_COLLISION: _("Several source repositories map to this target; none was copied."),
    "target_name_too_long": _("The target repository would have a name that is too long."),
    "target_name_invalid": _("The target repository would have a name that registries refuse."),
    RULE_DISABLED: _("The rule was disabled."),
    STOPPED_BY_USER: _("Stopped by a user."),
    WORKER_LOST: _("The workers that took this job died each time."),
    SECRET_UNREADABLE: _("A stored secret cannot be opened; its key is missing from the key ring."),
    INTERNAL: _("An unexpected error inside Regatta; the worker's log has the details."),
    REPLICA_DELETED: _("The replica is being deleted."),
    REPLICA_REMOVED: _("The replica's content was removed from its backend."),
    DRIFT_MISSING: _("The tag is at the primary and not at the replica."),
    DRIFT_DIFFERENT: _("The replica has the tag with another digest than the primary."),
    DRIFT_SURPLUS: _("The tag is at the replica and not at the primary."),
    "mirror_brake": _(
        "More than half of the replica's tags are no longer at the primary. None was deleted; "
        "start a repair to confirm."
    ),
    "mirror_brake_repository": _(
        "The primary lists no tags of a repository of which the replica has some. None was deleted; "
        "start a repair to confirm."
    ),
    "mirror_brake_empty": _(
        "The primary lists no repositories at all, and the replica has some. Nothing was deleted."
    ),
    "exists": _("The tag exists at the target with another digest, and override is off."),
    "kind_not_selected": _("The rule does not select this type of artifact."),
    "not_found": _("Not found."),
    "manifest_invalid": _("The manifest is invalid."),
    "schema1_refused": _("Docker schema 1 manifests are not supported; rebuild or re-push the image."),
    "too_large": _("The registry refused it as too large."),
    "storage_full": _("The registry has no space left."),
    "tag_immutable": _("The tag is immutable at the target."),
    "unsupported": _("The registry does not support this operation."),
    "rejected": _("The registry rejected the request."),
    "host_refused": _("Connections to this address are not allowed by the platform's operator."),
    "blob_unknown": _("The registry says that a part of the artifact is missing."),
    "unauthorized": _("The registry rejected the stored username or password."),
    "forbidden": _("The stored account may not do this at the registry."),
    "unreachable": _("The registry cannot be reached."),
    "stalled": _("The registry stopped sending data."),
    "connection_cut": _("The connection was cut."),
    "server_error": _("The registry answered with a server error."),
    "digest_mismatch": _("The data does not have the digest that it should have."),
    "size_mismatch": _("The data does not have the size that it should have."),
    "upload_lost": _("The registry lost the upload."),
    "throttled": _("The registry limits the rate of requests."),
    "tag_delete_unsupported": _("The registry cannot delete this tag without deleting others."),
}


def of_credential(state: CredentialState | None) -> str:
    """Return why a credential that a rule presents is refused; who issued it may have reasons that are not told."""
    if state == CredentialState.DISABLED:
        return CREDENTIAL_DISABLED
    if state == CredentialState.EXPIRED:
        return CREDENTIAL_EXPIRED
    return CREDENTIAL_REJECTED


def text(code: str, side: str = "") -> str:
    """Return the sentence for a code, saying which registry it is about; unknown codes show as they are."""
    if not code:
        return ""
    sentence = str(TEXTS.get(code, code))
    if side == "source":
        return str(_("Source: %(reason)s")) % {"reason": sentence}
    if side == "target":
        return str(_("Target: %(reason)s")) % {"reason": sentence}
    return sentence
