"""
The errors of the cloud API, and what becomes of those of forms and services.

Source: reference/tencent-api.md 2.5. A message never holds a secret and never names another account's things.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils.translation import gettext as _

from registries.forms.acting import ActingForm
from registries.oci.errors import Forbidden, NotFound, RegistryError, Unauthorized, Unsupported
from registries.policies import Refused, ReplicaRefused
from registries.quotas import QuotaExceeded
from registries.services.access_credentials import CredentialRejected
from registries.services.images import NotEmpty, TagShared
from registries.services.listings import Busy
from registries.throttling import TooManyRequests

Saved = TypeVar("Saved")

_CODES: Mapping[type[Exception], str] = {
    PermissionDenied: "UnauthorizedOperation",
    CredentialRejected: "InternalError.ErrorTcrUnauthorized",
    Busy: "ResourceUnavailable",
    NotEmpty: "FailedOperation.PreconditionFailed",
    TagShared: "FailedOperation.PreconditionFailed",
    QuotaExceeded: "OperationDenied.QuotaOverLimit",
    Refused: "OperationDenied",
    TooManyRequests: "RequestLimitExceeded",
}
"""The first that fits counts: a QuotaExceeded is a Refused, too."""


class CloudError(Exception):
    """A call that was refused; `code` is the vendor's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def missing(name: str) -> CloudError:
    """Return the error for a required field that is absent."""
    return CloudError("MissingParameter", _("The parameter %(name)s is missing.") % {"name": name})


def invalid(name: str, reason: str = "") -> CloudError:
    """Return the error for a field of the wrong type or value."""
    sentence = _("The parameter %(name)s is not valid.") % {"name": name}
    return CloudError("InvalidParameter", f"{sentence} {reason}".strip())


def not_found(what: str) -> CloudError:
    """Return the error for an instance, rule or replica that does not exist for the caller."""
    return CloudError("ResourceNotFound", _("There is no %(what)s.") % {"what": what})


def not_in_instance(what: str) -> CloudError:
    """Return the error for something that the instance does not hold."""
    return CloudError("ResourceNotFound.TcrResourceNotFound", _("There is no %(what)s.") % {"what": what})


def unsupported(sentence: str) -> CloudError:
    """Return the error for what Regatta does not do, or not here."""
    return CloudError("UnsupportedOperation", sentence)


def translate(error: Exception) -> CloudError | None:
    """Return the vendor's error for one of ours; None for what nobody expected."""
    if isinstance(error, CloudError):
        return error
    if isinstance(error, ReplicaRefused):
        return CloudError(error.code, str(error))
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return CloudError(code, str(error) or _("You may not do this."))
    return _of_registry(error) if isinstance(error, RegistryError) else None


def save(
    form: ActingForm,
    act: Callable[[datetime], Saved],
    now: datetime,
    *,
    codes: Mapping[str, str],
    names: Mapping[str, str],
) -> Saved:
    """
    Return what `act` (the form's own `save`) makes of a valid form.

    Raises CloudError for the first field at fault: `codes` are the vendor's by field of the form (`InvalidParameter`
    where none is told), `names` what the caller calls a field. What services raise passes through.
    """
    if form.is_valid():
        try:
            return act(now)
        except ValidationError:
            pass  # noted at its field
    field, messages = next(iter(form.errors.items()))
    code = codes.get(field, "InvalidParameter")
    name = names.get(field, "")
    raise CloudError(code, f"{name}: {messages[0]}" if name else str(messages[0]))


def _of_registry(error: RegistryError) -> CloudError:
    if isinstance(error, NotFound):
        return not_in_instance(_("such repository or tag in the registry"))
    if isinstance(error, Unauthorized | Forbidden):
        return CloudError(
            "UnauthorizedOperation.ErrorTcrUnauthorized", _("The registry does not allow this.")
        )
    if isinstance(error, Unsupported):
        return unsupported(_("The registry behind this instance cannot do this."))
    return CloudError("FailedOperation.DependenceError", _("The registry cannot be reached, or failed."))
