"""Who may use a fake registry: anyone, users with basic auth, or holders of tokens that it issues itself."""

import base64
import binascii
import itertools
import random
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import parse_qs

from tests.fakes.answers import Answer, RefusedError, json_answer
from tests.fakes.routing import Access
from tests.fakes.server import Call, FaultyServer

Policy = Callable[[str | None, str, str], bool]
"""May this user (None: anonymous) do this action to this repository?"""


class Auth(Protocol):
    """A way to decide about requests."""

    def start(self) -> None:
        """Begin to serve whatever the clients need besides the registry."""
        ...

    def stop(self) -> None:
        """End what start began."""
        ...

    def check(self, authorization: str | None, needed: Sequence[Access]) -> None:
        """Raise RefusedError unless this Authorization header allows all of it."""
        ...


class NoAuth:
    """Everybody may do everything."""

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def check(self, authorization: str | None, needed: Sequence[Access]) -> None:
        """Allow it."""


@dataclass
class BasicAuth:
    """One user; with a policy the user may be allowed less than everything (403 otherwise)."""

    username: str
    password: str
    realm: str = "fake"
    policy: Policy = field(default=lambda user, repository, action: True)

    def start(self) -> None:
        """Do nothing."""

    def stop(self) -> None:
        """Do nothing."""

    def check(self, authorization: str | None, needed: Sequence[Access]) -> None:
        """Raise RefusedError 401 for wrong credentials, 403 for what the policy forbids."""
        if parse_basic(authorization) != (self.username, self.password):
            challenge = {"WWW-Authenticate": f'Basic realm="{self.realm}"'}
            raise RefusedError(401, "UNAUTHORIZED", "authentication required", challenge)
        for access in needed:
            if not all(self.policy(self.username, access.name, action) for action in access.actions):
                raise RefusedError(403, "DENIED", "requested access to the resource is denied")


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token with what it is good for and until when (`time.monotonic`)."""

    value: str
    username: str | None
    scopes: tuple[str, ...]
    granted: tuple[Access, ...]
    expires_at: float


@dataclass
class BearerAuth:
    """
    Tokens from a server of their own, on another port than the registry.

    Scopes are enforced. `issued` is every token given out, in order; requests and faults of the
    token endpoint are on `server`. The policy decides what is granted: a token may hold less
    than was asked for.
    """

    username: str
    password: str
    ttl_seconds: int = 300
    service: str = "fake.registry"
    anonymous_pull: bool = False
    policy: Policy | None = None
    token_field: str = "token"
    has_expires_in: bool = True
    has_issued_at: bool = True
    accepts_post: bool = False
    """Understand the OAuth form of token requests, with `password` or `refresh_token` grants."""
    challenge_scope: str | None = None
    """Ask for this scope in every challenge, rather than for what the request needs."""
    shuffles_scopes: bool = False
    """Name scopes and actions in any order in a challenge, as distribution 2 does."""

    def __post_init__(self) -> None:
        self.server = FaultyServer(self._answer)
        self.issued: list[IssuedToken] = []
        self._live: dict[str, IssuedToken] = {}
        self._numbers = itertools.count(1)

    def start(self) -> None:
        """Serve tokens."""
        self.server.start()

    def stop(self) -> None:
        """Serve no more tokens; those that live stay valid."""
        self.server.stop()

    def expire_tokens(self) -> None:
        """Make every token that was given out so far worthless."""
        self._live.clear()

    def check(self, authorization: str | None, needed: Sequence[Access]) -> None:
        """Raise RefusedError 401 with a challenge unless the header holds a token good for all of it."""
        kind, _, value = (authorization or "").partition(" ")
        token = self._live.get(value.strip()) if kind.lower() == "bearer" else None
        if token is None or token.expires_at <= time.monotonic():
            raise self._challenge(needed, "invalid_token" if authorization else None)
        if not all(_covers(token.granted, access) for access in needed):
            raise self._challenge(needed, "insufficient_scope")

    def _challenge(self, needed: Sequence[Access], error: str | None) -> RefusedError:
        challenge = f'Bearer realm="{self.server.url}/token",service="{self.service}"'
        scope = self.challenge_scope or self._describe(needed)
        if scope:
            challenge += f',scope="{scope}"'
        if error:
            challenge += f',error="{error}"'
        return RefusedError(401, "UNAUTHORIZED", "authentication required", {"WWW-Authenticate": challenge})

    def _describe(self, needed: Sequence[Access]) -> str:
        if not self.shuffles_scopes:
            return " ".join(map(str, needed))
        return " ".join(
            f"{access.kind}:{access.name}:{','.join(random.sample(sorted(access.actions), len(access.actions)))}"
            for access in random.sample(needed, len(needed))
        )

    async def _answer(self, call: Call) -> Answer:
        if call.path != "/token":
            return Answer(404)
        if call.method == "POST":
            return await self._answer_form(call)
        credentials = parse_basic(call.headers.get("Authorization"))
        if credentials not in {None, (self.username, self.password)}:
            return json_answer(401, {"details": "incorrect username or password"})
        return self._issue(credentials[0] if credentials else None, call.query.getall("scope", []))

    async def _answer_form(self, call: Call) -> Answer:
        body = await call.body()
        if not self.accepts_post:
            return Answer(405)
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        secret = form.get("refresh_token") or form.get("password")
        if secret != self.password:
            return json_answer(401, {"details": "incorrect username or password"})
        return self._issue(self.username, [form.get("scope", "")])

    def _issue(self, username: str | None, scopes: list[str]) -> Answer:
        if username is None and not self.anonymous_pull:
            return json_answer(401, {"details": "anonymous access is not allowed"})
        asked = [scope for value in scopes for scope in value.split()]
        granted = tuple(self._grant(username, parse_scope(scope)) for scope in asked)
        value = f"{next(self._numbers)}.{secrets.token_hex(8)}"
        token = IssuedToken(value, username, tuple(asked), granted, time.monotonic() + self.ttl_seconds)
        self.issued.append(token)
        self._live[value] = token
        document: dict[str, object] = {self.token_field: value}
        if self.has_expires_in:
            document["expires_in"] = self.ttl_seconds
        if self.has_issued_at:
            document["issued_at"] = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return json_answer(200, document)

    def _grant(self, username: str | None, asked: Access) -> Access:
        policy = self.policy or _default_policy
        allowed = (action for action in asked.actions if policy(username, asked.name, action))
        return Access(asked.kind, asked.name, frozenset(allowed))


def _default_policy(username: str | None, repository: str, action: str) -> bool:
    return username is not None or (action == "pull" and bool(repository))


def _covers(granted: Sequence[Access], needed: Access) -> bool:
    actions = {
        action
        for access in granted
        if (access.kind, access.name) == (needed.kind, needed.name)
        for action in access.actions
    }
    return needed.actions <= actions or "*" in actions


def parse_scope(scope: str) -> Access:
    """Return the access that a scope like `repository:team/app:pull,push` asks for."""
    kind, _, rest = scope.partition(":")
    name, _, actions = rest.rpartition(":")
    return Access(kind, name, frozenset(filter(None, actions.split(","))))


def parse_basic(authorization: str | None) -> tuple[str, str] | None:
    """Return username and password of a basic Authorization header; None if it is none."""
    kind, _, value = (authorization or "").partition(" ")
    if kind.lower() != "basic":
        return None
    try:
        username, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ("", "")
    return username, password
