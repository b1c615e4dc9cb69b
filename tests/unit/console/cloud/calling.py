"""A client of the cloud API that signs with TC3 and looks at the form of every answer."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.test import Client
from django.utils import timezone
from tencentcloud.tcr.v20190924 import errorcodes

from console.cloud import signatures, table
from console.cloud.shapes import Field, Kind, Shape
from registries.models import ApiKey, User
from registries.services import api_keys

HOST = "127.0.0.1:8080"
_TYPES: dict[Kind, type] = {Kind.TEXT: str, Kind.NUMBER: int, Kind.FLAG: bool, Kind.OBJECT: dict}


CODES = {value for name, value in vars(errorcodes).items() if name.isupper()} | {
    "AuthFailure.InvalidAuthorization",
    "AuthFailure.InvalidSecretId",
    "AuthFailure.SecretIdNotFound",
    "AuthFailure.SignatureExpire",
    "AuthFailure.SignatureFailure",
    "AuthFailure.TokenFailure",
    "InvalidAction",
    "InvalidRequest",
    "NoSuchProduct",
    "NoSuchVersion",
    "RequestLimitExceeded",
    "RequestSizeLimitExceeded",
    "ResourceUnavailable",
    "UnsupportedProtocol",
    "UnsupportedRegion",
}
"""What the official SDK knows of this product, and what every product may answer; nothing else is answered."""


class Refused(Exception):
    """The answer was an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@dataclass
class Caller:
    """Calls in the name of a user; `headers` go along and may replace what would be sent."""

    key: ApiKey
    secret_key: str
    region: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, action: str, /, **values: Any) -> dict[str, Any]:
        """Return the fields of the answer without RequestId; raises Refused."""
        return self.send(action, json.dumps(values).encode())

    def send(self, action: str, body: bytes = b"{}", **headers: str) -> dict[str, Any]:
        """Post a body as it is."""
        timestamp = int(timezone.now().timestamp())
        message = signatures.Message("POST", "", {"content-type": "application/json", "host": HOST}, body)
        signed = ("content-type", "host")
        signature = signatures.sign_tc3(
            message, secret_key=self.secret_key, timestamp=timestamp, service="tcr", headers=signed
        )
        scope = f"{self.key.secret_id}/{signatures.date_of(timestamp)}/tcr/tc3_request"
        sent = {
            "Host": HOST,
            "Authorization": f"{signatures.ALGORITHM} Credential={scope}, SignedHeaders={';'.join(signed)}, "
            f"Signature={signature}",
            "X-TC-Action": action,
            "X-TC-Version": "2019-09-24",
            "X-TC-Timestamp": str(timestamp),
            "X-TC-Language": "en-US",
        }
        if self.region:
            sent["X-TC-Region"] = self.region
        response = Client().post(
            "/", body, content_type="application/json", headers=sent | dict(self.headers) | headers
        )
        return read(response, action)


def caller_for(user: User, **options: Any) -> Caller:
    """Make a key of the user and return a caller that signs with it."""
    key, secret_key = api_keys.create(user=user, now=timezone.now())
    return Caller(key, secret_key, **options)


def read(response: Any, action: str = "") -> dict[str, Any]:
    """Return the fields of an answer of the right form; raises Refused for an error."""
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    document = response.json()
    assert list(document) == ["Response"]
    fields: dict[str, Any] = document["Response"]
    assert str(uuid.UUID(fields.pop("RequestId")))
    if "Error" in fields:
        assert fields["Error"].keys() == {"Code", "Message"}
        assert fields["Error"]["Code"] in CODES
        raise Refused(fields["Error"]["Code"], fields["Error"]["Message"])
    if action:
        check_shape(table.ACTIONS[action].response, fields, action)
    return fields


def check_shape(shape: Shape, values: Mapping[str, Any], path: str) -> None:
    """Fail unless the values have exactly the fields and the types that clients decode strictly."""
    assert values.keys() == shape.keys(), path
    for name, wanted in shape.items():
        value = values[name]
        if value is None:
            assert not wanted.is_required, f"{path}.{name} is null"
            continue
        for one in value if wanted.is_list else [value]:
            _check_value(wanted, one, f"{path}.{name}")


def _check_value(wanted: Field, value: Any, path: str) -> None:
    assert type(value) is _TYPES[wanted.kind], f"{path} is {value!r}"
    if wanted.shape is not None and isinstance(value, dict):
        check_shape(wanted.shape, value, path)
