"""
Seals secrets for the database and opens them again.

AES-256-GCM under a key ring (`REGATTA_VAULT_KEYS`); the first key seals, any key of the ring opens. The
context (account, table, row) is authenticated but not stored, so a sealed value moved to another row or
tenant does not open. It never logs, and its errors never hold a secret.
"""

from __future__ import annotations

import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

_NONCE_BYTES = 12


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


def is_current(sealed: str) -> bool:
    """Return whether the value needs no re-sealing: it is empty, or the first key of the ring sealed it."""
    return not sealed or sealed.split(".", 1)[0] == next(iter(settings.VAULT_KEYS))


def _encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _decode(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))
