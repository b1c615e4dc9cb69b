"""
Seals secrets for the database and opens them again.

AES-256-GCM under a key ring (`REGATTA_VAULT_KEYS`); the first key seals, any key of the ring opens. The
context (account, table, row) is authenticated but not stored, so a sealed value moved to another row or
tenant does not open. It never logs, and its errors never hold a secret.

Secrets that are only ever compared are fingerprinted instead (HMAC-SHA256 under a key derived from the ring), so
that one is found by an index and costs the same whatever is stored.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12
_FINGERPRINT_LABEL = b"regatta fingerprint 1"


class VaultError(Exception):
    """A sealed value cannot be opened: another context, a missing key, or damage."""


def seal(secret: str, *, context: str) -> str:
    """Return the secret as `key id.nonce.ciphertext`, bound to the context; an empty secret stays empty."""
    if not secret:
        return ""
    key_id, key = next(iter(settings.VAULT_KEYS.items()))
    nonce = os.urandom(_NONCE_BYTES)
    ciphertext = AESGCM(key).encrypt(nonce, secret.encode(), context.encode())
    return f"{key_id}.{_encode(nonce)}.{_encode(ciphertext)}"


def open_sealed(sealed: str, *, context: str) -> str:
    """
    Return the secret that was sealed for this context.

    Raises VaultError if the key is not in the ring, the context differs, or the value is damaged.
    """
    if not sealed:
        return ""
    try:
        key_id, nonce, ciphertext = sealed.split(".")
        key = settings.VAULT_KEYS[key_id]
        return AESGCM(key).decrypt(_decode(nonce), _decode(ciphertext), context.encode()).decode()
    except KeyError:
        raise VaultError("The key that sealed this value is not in REGATTA_VAULT_KEYS.") from None
    except (InvalidTag, ValueError):
        raise VaultError("This sealed value is damaged or belongs to another row.") from None


def fingerprint(value: str, *, context: str) -> str:
    """Return `key id.hex`: what finds the value in this context, under the first key of the ring."""
    return fingerprints(value, context=context)[0]


def fingerprints(value: str, *, context: str) -> list[str]:
    """Return the fingerprint of the value under each key of the ring, the first key's first."""
    message = hashlib.sha256(context.encode()).digest() + value.encode()
    return [
        f"{key_id}.{hmac.new(_fingerprint_key(key), message, hashlib.sha256).hexdigest()}"
        for key_id, key in settings.VAULT_KEYS.items()
    ]


def is_current(sealed: str) -> bool:
    """Return whether the value needs no re-sealing: it is empty, or the first key of the ring sealed it."""
    return not sealed or sealed.split(".", 1)[0] == current_key_id()


def current_key_id() -> str:
    """Return the id of the first key of the ring, with which sealed values and fingerprints begin."""
    return str(next(iter(settings.VAULT_KEYS)))


def _fingerprint_key(key: bytes) -> bytes:
    """Return the key for fingerprints: no key serves two ciphers."""
    return hmac.new(key, _FINGERPRINT_LABEL, hashlib.sha256).digest()


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
