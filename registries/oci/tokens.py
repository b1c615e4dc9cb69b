"""Bearer tokens: what a token server answers, and how long a token is good. Pure."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from registries.oci.challenge import Challenge
from registries.oci.errors import Unauthorized
from registries.oci.scope import Scopes

MAX_TOKEN_BYTES = 64 * 1024
DEFAULT_LIFE_SECONDS = 60.0
_MAX_MARGIN_SECONDS = 30.0
_MAX_CACHED = 4096

TokenKey = tuple[str, str, Scopes]


@dataclass(frozen=True, slots=True)
class Token:
    """An Authorization header and the time, on the clock of the cache, from which to ask for a new one."""

    authorization: str = field(repr=False)
    renew_at: float


def parse_token(content: bytes, *, now: float, wall_now: float) -> Token:
    """
    Return the token of a token server's answer.

    Reads `token` or `access_token`; `expires_in` is 60 seconds if absent and counts from `issued_at`
    if that is told. A token is renewed 30 seconds, or a tenth of its life if that is less, before
    its end. An `issued_at` that lies outside the life of the token is a wrong clock and is ignored.

    Raises Unauthorized if there is no token in the answer.

    Source: distribution, "Token Authentication Specification", "Requesting a Token".
    """
    try:
        document: Any = json.loads(content)
    except ValueError as error:
        raise Unauthorized("the token server answered with something else than JSON") from error
    value = (document.get("token") or document.get("access_token")) if isinstance(document, dict) else None
    if not isinstance(value, str) or not value.isascii() or not value.isprintable():
        raise Unauthorized("the token server answered without a token")
    life = _seconds(document.get("expires_in"))
    left = life - _age(document.get("issued_at"), life, wall_now)
    return Token(f"Bearer {value}", now + left - min(_MAX_MARGIN_SECONDS, life / 10))


class TokenCache:
    """Tokens by realm, service and scopes. Bounded: the oldest make room for new ones."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._tokens: dict[TokenKey, Token] = {}

    def find(self, key: TokenKey) -> Token | None:
        """Return the token if it is good for a while, else None."""
        token = self._tokens.get(key)
        return token if token is not None and self._clock() < token.renew_at else None

    def store(self, key: TokenKey, token: Token) -> None:
        """Keep the token."""
        self._tokens.pop(key, None)
        while len(self._tokens) >= _MAX_CACHED:
            del self._tokens[next(iter(self._tokens))]
        self._tokens[key] = token

    def forget(self, key: TokenKey, authorization: str | None) -> None:
        """Drop the refused token, unless another one has taken its place meanwhile."""
        token = self._tokens.get(key)
        if token is not None and token.authorization == authorization:
            del self._tokens[key]


def token_key(challenge: Challenge, scopes: Scopes) -> TokenKey:
    """Return the identity of the token that answers the challenge for the scopes."""
    return challenge.realm, challenge.service, scopes


def _seconds(value: object) -> float:
    if isinstance(value, str) and value.isdigit():
        value = int(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and value > 0:
        return float(value)
    return DEFAULT_LIFE_SECONDS


def _age(issued_at: object, life: float, wall_now: float) -> float:
    if not isinstance(issued_at, str):
        return 0.0
    try:
        issued = datetime.fromisoformat(issued_at)
    except ValueError:
        return 0.0
    age = wall_now - (issued if issued.tzinfo else issued.replace(tzinfo=UTC)).timestamp()
    return age if 0 < age < life else 0.0
