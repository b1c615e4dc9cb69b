"""
Answers challenges: learns from the first 401 how a registry wants to be addressed and remembers it.

Tokens are fetched once per scope while they live, however many requests want them at once. Credentials
go to the configured host and its token server only. Does no HTTP itself: a callable asks the token server.
"""

import asyncio
import time
from base64 import b64encode
from collections.abc import Awaitable, Callable
from urllib.parse import urlencode

from registries.oci.breaker import CredentialsBreaker
from registries.oci.challenge import Challenge, choose, parse_challenges
from registries.oci.endpoint import Endpoint
from registries.oci.errors import Forbidden, Unauthorized
from registries.oci.scope import Scopes
from registries.oci.tokens import Token, TokenCache, TokenKey, parse_token, token_key

AskTokenServer = Callable[[str, str | None], Awaitable[bytes]]

# A fresh token may be refused once: the token server and the registry need not agree at once.
MAX_ANSWERS = 2


class Authenticator:
    """
    The Authorization headers of one client.

    `ask_token_server` takes the URL and the Authorization header, and returns the body of the 200.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        ask_token_server: AskTokenServer,
        breaker: CredentialsBreaker,
        *,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._ask = ask_token_server
        self._breaker = breaker
        self._clock = clock
        self._wall = wall_clock
        self._has_credentials = endpoint.username is not None
        self._basic: str | None = None
        if endpoint.username is not None:
            pair = f"{endpoint.username}:{endpoint.password or ''}".encode()
            self._basic = f"Basic {b64encode(pair).decode('ascii')}"
        self._challenge: Challenge | None = None
        self._wanted: dict[Scopes, Scopes] = {}
        self._tokens = TokenCache(clock)
        self._fetches: dict[TokenKey, asyncio.Task[Token]] = {}
        self._scout: asyncio.Future[None] | None = None
        self._has_scouted = False

    async def header(self, scopes: Scopes) -> str | None:
        """
        Return the Authorization header for a request that needs the scopes, None while none is known to be needed.

        The first request of a client goes alone and the others wait until `learned` is called, so
        that sixty requests do not collect sixty challenges.

        Raises Unauthorized while the breaker for these credentials is open.
        """
        self._breaker.check()
        if self._scout is not None:
            await asyncio.shield(self._scout)
        elif not self._has_scouted:
            self._has_scouted = True
            self._scout = asyncio.get_running_loop().create_future()
        challenge = self._challenge
        if challenge is None:
            return None
        if challenge.scheme == "basic":
            return self._basic
        wanted = self._wanted.get(scopes, scopes)
        token = self._tokens.find(token_key(challenge, wanted))
        return (token or await self._fetch(challenge, wanted)).authorization

    def answer(self, headers: list[str], scopes: Scopes, sent: str | None, answers: int) -> None:
        """
        Prepare for trying again after a 401: the next `header` is another one than the refused.

        `headers` are the WWW-Authenticate values, `sent` the Authorization that was refused and
        `answers` how many refusals of this request were answered before.

        Raises Unauthorized, or Forbidden if the token lacks a right, when there is nothing left to try.
        """
        challenge = choose(parse_challenges(headers))
        if challenge is None and sent is not None and answers == 0:
            # Some registries challenge once and later only say that a token has expired.
            challenge = self._challenge
        if challenge is None:
            raise self._refused(scopes, "the registry refuses and names no way to authenticate that we know")
        if challenge.scheme == "basic":
            if self._basic is None or sent == self._basic:
                raise self._refused(scopes, "the registry refuses the user name or password" if sent else "")
            self._challenge = challenge
            return
        if challenge.scopes:
            self._remember(scopes, challenge.scopes)
        self._challenge = challenge
        wanted = self._wanted.get(scopes, scopes)
        if answers >= MAX_ANSWERS:
            if challenge.error == "insufficient_scope":
                raise Forbidden(f"the credentials do not allow {' '.join(wanted)}", status=401)
            raise self._refused(scopes, "the registry refuses a fresh token of its own token server")
        self._tokens.forget(token_key(challenge, wanted), sent)

    def accepted(self) -> None:
        """Note that the registry took an Authorization header."""
        self._breaker.accepted()

    def forbidden(self, scopes: Scopes) -> None:
        """Note that the registry took the credentials but refused the right."""
        self._note_forbidden(scopes, f"{' '.join(scopes)} is forbidden")

    @property
    def is_learning(self) -> bool:
        """Tell whether the first request is on its way and others wait for what it learns."""
        return self._scout is not None

    def learned(self) -> None:
        """Note that the first request was answered, or failed: the others may go."""
        if self._scout is not None:
            self._scout.set_result(None)
            self._scout = None

    async def aclose(self) -> None:
        """Give up fetching tokens."""
        for task in list(self._fetches.values()):
            task.cancel()

    def _remember(self, scopes: Scopes, challenged: Scopes) -> None:
        """
        Keep the registry's own idea of the scopes where ours is too narrow or spelled otherwise.

        A mount is challenged for its target only; without the source's scope it would be refused.
        """
        if all(_is_covered(scope, scopes) for scope in challenged):
            self._wanted.pop(scopes, None)
        elif len(scopes) == 1:
            self._wanted[scopes] = challenged
        else:
            self._wanted[scopes] = (
                *challenged,
                *(scope for scope in scopes if not _is_covered(scope, challenged)),
            )

    async def _fetch(self, challenge: Challenge, scopes: Scopes) -> Token:
        """Return a new token; those who want the same one meanwhile get this one."""
        key = token_key(challenge, scopes)
        task = self._fetches.get(key)
        if task is None:
            task = asyncio.create_task(self._request_token(challenge, scopes))
            self._fetches[key] = task
            task.add_done_callback(lambda done: self._fetched(key, done))
        return await asyncio.shield(task)

    def _fetched(self, key: TokenKey, task: asyncio.Task[Token]) -> None:
        self._fetches.pop(key, None)
        if not task.cancelled():
            # Marks the error as seen: whoever wanted the token may be gone.
            task.exception()

    async def _request_token(self, challenge: Challenge, scopes: Scopes) -> Token:
        query: list[tuple[str, str]] = [("service", challenge.service)] if challenge.service else []
        query += [("scope", scope) for scope in scopes]
        separator = "&" if "?" in challenge.realm else "?"
        url = f"{challenge.realm}{separator}{urlencode(query)}" if query else challenge.realm
        try:
            content = await self._ask(url, self._basic)
        except Unauthorized as error:
            self._note_refusal(scopes, error.detail)
            raise
        except Forbidden as error:
            self._note_forbidden(scopes, error.detail)
            raise
        token = parse_token(content, now=self._clock(), wall_now=self._wall())
        self._tokens.store(token_key(challenge, scopes), token)
        return token

    def _refused(self, scopes: Scopes, detail: str) -> Unauthorized:
        if not self._has_credentials:
            return Unauthorized(detail or "the registry wants credentials and none are stored", status=401)
        self._note_refusal(scopes, detail)
        return Unauthorized(detail, status=401)

    def _note_refusal(self, scopes: Scopes, detail: str) -> None:
        if self._has_credentials:
            self._breaker.refused(" ".join(scopes), detail)

    def _note_forbidden(self, scopes: Scopes, detail: str) -> None:
        # A forbidden mount says nothing: the credentials need not reach the other repository.
        if self._has_credentials and len(scopes) < 2:
            self._breaker.forbidden(" ".join(scopes), detail)


def _is_covered(scope: str, wanted: Scopes) -> bool:
    """Tell whether one of the wanted scopes names the same resource with at least the same actions."""
    resource, _, actions = scope.rpartition(":")
    for other in wanted:
        other_resource, _, other_actions = other.rpartition(":")
        if other_resource == resource and set(actions.split(",")) <= set(other_actions.split(",")):
            return True
    return False
