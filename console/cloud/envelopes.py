"""
What arrives at `/`: whether it is a call of the cloud API, which one, and who signed it.

Four forms: TC3 with headers and JSON, TC3 with headers and a query, and the older signatures in a form or a query.
The Host header is taken as it came, with port and even with the `http://` that the command-line client puts there:
that is what was signed.

Source: reference/tencent-api.md 0 (1, 3 and 4) and 2.1.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, UnreadablePostError
from django.utils.translation import gettext as _

from console.cloud import shapes, signatures
from console.cloud.errors import CloudError, invalid, missing
from console.cloud.signatures import ALGORITHM, Malformed, Message
from registries.models import ApiKey
from registries.services import api_keys
from registries.vault import VaultError

_FORM = "application/x-www-form-urlencoded"
_COMMON = frozenset(
    {
        "Action",
        "Version",
        "Region",
        "Timestamp",
        "Nonce",
        "SecretId",
        "SignatureMethod",
        "Language",
        "RequestClient",
        "Token",
        "Signature",
    }
)
"""What older calls hold beside the action's own fields."""

_LONGEST_TIMESTAMP = 11
_CHINESE, _ENGLISH = "zh-hans", "en"


@dataclass(frozen=True, slots=True)
class Envelope:
    """
    A call as it arrived, its signature not yet checked.

    `common` are the common parameters by the names of the older form. `parameters` are those of an older call as they
    were signed; None for TC3.
    """

    request: HttpRequest
    common: Mapping[str, str]
    parameters: Mapping[str, str] | None = None

    @property
    def language(self) -> str:
        """The language in which messages are wanted: SDKs ask for Chinese unless told otherwise."""
        return _CHINESE if self.common.get("Language", "").lower().startswith("zh") else _ENGLISH

    def values(self) -> dict[str, Any]:
        """Return the action's own fields, not yet fitted to its shape; raises CloudError."""
        if self.parameters is not None:
            own = {name: value for name, value in self.parameters.items() if name not in _COMMON}
            return shapes.unflatten(own)
        if self.request.method == "GET":
            return shapes.unflatten(_parse_form(self.request.META.get("QUERY_STRING", "")))
        if _is_form(self.request):
            return shapes.unflatten(_parse_form(_body(self.request).decode("latin-1")))
        return _parse_json(_body(self.request))


def find(request: HttpRequest) -> Envelope | None:
    """Return the call that the request is, None if it is one for the console."""
    if request.headers.get("X-TC-Action") or request.headers.get("Authorization", "").startswith(ALGORITHM):
        names = {"RequestClient", "Region", "Language", "Token", "Timestamp", "Version", "Action"}
        return Envelope(request, {name: request.headers.get(f"X-TC-{name}", "") for name in names})
    if request.method == "GET":
        text = request.META.get("QUERY_STRING", "")
    elif request.method == "POST" and _is_form(request) and not _is_too_large(request):
        text = _body(request).decode("latin-1")
    else:
        return None
    if "Action=" not in text or "Signature=" not in text:
        return None
    try:
        parameters = _parse_form(text)
    except CloudError:
        return None
    if "Action" not in parameters or "Signature" not in parameters:
        return None
    return Envelope(request, {name: parameters.get(name, "") for name in _COMMON}, parameters)


def authenticate(envelope: Envelope, now: datetime) -> ApiKey:
    """Return the key that signed the call; raises CloudError with one of the codes `AuthFailure.…`."""
    if envelope.request.method not in {"GET", "POST"}:
        raise CloudError("UnsupportedProtocol", _("Calls are sent with GET or POST."))
    try:
        key = _check_tc3(envelope, now) if envelope.parameters is None else _check_old(envelope, now)
    except Malformed as malformed:
        raise CloudError("AuthFailure.InvalidAuthorization", str(malformed)) from None
    if envelope.common.get("Token"):
        raise CloudError("AuthFailure.TokenFailure", _("Regatta issues no temporary security tokens."))
    api_keys.note_use(key, now)
    return key


def _check_tc3(envelope: Envelope, now: datetime) -> ApiKey:
    request = envelope.request
    authorization = signatures.parse_authorization(request.headers.get("Authorization", ""))
    timestamp = _check_time(envelope, "X-TC-Timestamp", now)
    if authorization.date != signatures.date_of(timestamp):
        raise Malformed(_("The date in the credential's scope is not that of X-TC-Timestamp."))
    if authorization.service != signatures.SERVICE:
        raise CloudError("NoSuchProduct", _("Only the service “tcr” is served here."))
    key, secret_key = _find_key(authorization.secret_id)
    message = Message(
        method=request.method or "",
        query=request.META.get("QUERY_STRING", "") if request.method == "GET" else "",
        headers=_headers(request),
        body=_body(request) if request.method == "POST" else b"",
        is_payload_signed=request.headers.get("X-TC-Content-SHA256") != signatures.UNSIGNED_PAYLOAD,
    )
    expected = signatures.sign_tc3(
        message,
        secret_key=secret_key,
        timestamp=timestamp,
        service=authorization.service,
        headers=authorization.headers,
    )
    return _accept(key, authorization.signature, expected)


def _check_old(envelope: Envelope, now: datetime) -> ApiKey:
    parameters = dict(envelope.parameters or {})
    presented = parameters.pop("Signature")
    if not parameters.get("SecretId"):
        raise CloudError("AuthFailure.InvalidSecretId", _("The SecretId is missing."))
    _check_time(envelope, "Timestamp", now)
    key, secret_key = _find_key(parameters["SecretId"])
    expected = signatures.sign_old(
        parameters,
        secret_key=secret_key,
        method=envelope.request.method or "",
        host=envelope.request.META.get("HTTP_HOST", ""),
        algorithm=parameters.get("SignatureMethod", ""),
    )
    return _accept(key, presented, expected)


def _accept(key: ApiKey, presented: str, expected: str) -> ApiKey:
    if not signatures.is_equal(presented, expected):
        raise CloudError(
            "AuthFailure.SignatureFailure",
            _("The provided credentials could not be validated. Please check your signature is correct."),
        )
    return key


def _check_time(envelope: Envelope, name: str, now: datetime) -> int:
    written = envelope.common.get("Timestamp", "")
    if not written:
        raise missing(name)
    if not (written.isascii() and written.isdecimal() and len(written) <= _LONGEST_TIMESTAMP):
        raise invalid(name)
    if not signatures.is_timely(int(written), now):
        raise CloudError(
            "AuthFailure.SignatureExpire",
            _("The signature has expired: the clocks differ by over 5 minutes."),
        )
    return int(written)


def _find_key(secret_id: str) -> tuple[ApiKey, str]:
    key = api_keys.find_usable(secret_id)
    if key is None:
        raise CloudError("AuthFailure.SecretIdNotFound", _("The SecretId is not found."))
    try:
        return key, key.open_secret_key()
    except VaultError:
        raise CloudError("InternalError", _("The stored SecretKey cannot be opened.")) from None


def _headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers by lowercase name, as they came: Django's own view of Host would lose what was signed."""
    return {name.lower(): value for name, value in request.headers.items()}


def _is_form(request: HttpRequest) -> bool:
    return bool(request.META.get("CONTENT_TYPE", "").partition(";")[0].strip().lower() == _FORM)


def _is_too_large(request: HttpRequest) -> bool:
    length = request.META.get("CONTENT_LENGTH") or "0"
    return not length.isdecimal() or int(length[:20]) > (settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0)


def _body(request: HttpRequest) -> bytes:
    try:
        return request.body
    except RequestDataTooBig:
        raise CloudError("RequestSizeLimitExceeded", _("The body is too large.")) from None
    except UnreadablePostError:
        raise CloudError("InvalidRequest", _("The body was cut off.")) from None


def _parse_form(text: str) -> dict[str, str]:
    """Return the parameters of a query or form, which WSGI gives as Latin-1; raises CloudError."""
    try:
        pairs = parse_qsl(
            text.encode("latin-1").decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=settings.DATA_UPLOAD_MAX_NUMBER_FIELDS,
        )
    except ValueError:  # too many fields, or bytes that are no text
        raise CloudError("InvalidRequest", _("The parameters cannot be read.")) from None
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise CloudError("InvalidRequest", _("A parameter is given twice."))
    return parameters


def _parse_json(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body) if body else {}
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise CloudError("InvalidRequest", _("The body is no JSON object."))
    return document
