"""Issues tokens that a real docker-registry accepts: RS256 with the certificate in the `x5c` header."""

import base64
import datetime
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.fakes.answers import Answer, json_answer
from tests.fakes.auth import Policy, parse_basic, parse_scope
from tests.fakes.server import Call, FaultyServer

ISSUER = "regatta-test-issuer"
SERVICE = "regatta-test-registry"


@dataclass
class SigningKey:
    """A key pair with the self-signed certificate by which a registry recognizes its tokens."""

    private_key: rsa.RSAPrivateKey = field(
        default_factory=lambda: rsa.generate_private_key(public_exponent=65537, key_size=2048)
    )

    @cached_property
    def certificate(self) -> x509.Certificate:
        """Return a certificate that is valid from yesterday on for ten years."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, ISSUER)])
        yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self.private_key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(yesterday)
            .not_valid_after(yesterday + datetime.timedelta(days=3650))
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.private_key, hashes.SHA256())
        )

    @property
    def certificate_pem(self) -> bytes:
        """Return the certificate as the registry's `rootcertbundle`."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a token."""
        der = self.certificate.public_bytes(serialization.Encoding.DER)
        headers = {"x5c": [base64.b64encode(der).decode()]}
        return jwt.encode(claims, self.private_key, algorithm="RS256", headers=headers)


class TokenServer(FaultyServer):
    """
    A token endpoint at `/token` for one user; anonymous requests are refused.

    The policy decides what is granted, everything by default. `issued` lists the scopes of each
    token given out, in order.
    """

    def __init__(
        self, username: str, password: str, *, ttl_seconds: int = 300, policy: Policy | None = None
    ) -> None:
        super().__init__(self._serve_token)
        self.key = SigningKey()
        self.issued: list[tuple[str, ...]] = []
        self._credentials = (username, password)
        self._ttl_seconds = ttl_seconds
        self._policy = policy

    def token(self, *scopes: str) -> str:
        """Return a token for these scopes, without asking the policy."""
        return self._sign(self._credentials[0], (self._entry(scope, asks_policy=False) for scope in scopes))

    async def _serve_token(self, call: Call) -> Answer:
        if call.path != "/token" or call.method != "GET":
            return Answer(405 if call.path == "/token" else 404)
        if parse_basic(call.headers.get("Authorization")) != self._credentials:
            return json_answer(401, {"details": "incorrect username or password"})
        scopes = tuple(scope for value in call.query.getall("scope", []) for scope in value.split())
        self.issued.append(scopes)
        entries = (self._entry(scope, asks_policy=True) for scope in scopes)
        document = {
            "token": self._sign(self._credentials[0], entries),
            "expires_in": self._ttl_seconds,
            "issued_at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        return json_answer(200, document)

    def _entry(self, scope: str, *, asks_policy: bool) -> dict[str, Any]:
        asked = parse_scope(scope)
        granted = [
            action
            for action in sorted(asked.actions)
            if not asks_policy
            or self._policy is None
            or self._policy(self._credentials[0], asked.name, action)
        ]
        return {"type": asked.kind, "name": asked.name, "actions": granted}

    def _sign(self, username: str, entries: Iterable[dict[str, Any]]) -> str:
        now = int(time.time())
        return self.key.sign(
            {
                "iss": ISSUER,
                "sub": username,
                "aud": SERVICE,
                "iat": now,
                "nbf": now - 10,
                "exp": now + self._ttl_seconds,
                "jti": secrets.token_hex(8),
                "access": list(entries),
            }
        )
