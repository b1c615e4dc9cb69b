"""
Reads WWW-Authenticate headers. Pure.

Source: RFC 9110, 11.2 and 11.6.1; the parameters of Bearer: distribution, "Token authentication".
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = re.compile(rf'({_WORD})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))', re.ASCII)
_SCHEME = re.compile(rf"({_WORD})(?=[\s,]|$)", re.ASCII)
_SEPARATORS = re.compile(r"[\s,]+")
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate that a registry offers. Scheme and parameter names are in lower case."""

    scheme: str
    parameters: dict[str, str] = field(default_factory=dict)

    @property
    def realm(self) -> str:
        """Return the URL of the token server of a Bearer challenge, or ""."""
        return self.parameters.get("realm", "")

    @property
    def service(self) -> str:
        """Return the service to name to the token server, or ""."""
        return self.parameters.get("service", "")

    @property
    def scopes(self) -> tuple[str, ...]:
        """Return the scopes the registry wants to see in the token, in its order."""
        return tuple(self.parameters.get("scope", "").split())

    @property
    def error(self) -> str:
        """Return why a token was refused, as "insufficient_scope", or ""."""
        return self.parameters.get("error", "")


def parse_challenges(headers: Iterable[str]) -> list[Challenge]:
    """
    Return every challenge of the headers, in their order.

    Quoted values may hold commas and escaped quotes; a header may hold several challenges. What
    cannot be understood ends the reading of that header, nothing is raised.
    """
    challenges: list[Challenge] = []
    for header in headers:
        challenges.extend(_parse_header(header))
    return challenges


def choose(challenges: Iterable[Challenge]) -> Challenge | None:
    """Return the challenge to answer: Bearer with a realm before Basic, None if there is neither."""
    basic = None
    for challenge in challenges:
        if challenge.scheme == "bearer" and challenge.realm:
            return challenge
        if challenge.scheme == "basic" and basic is None:
            basic = challenge
    return basic


def _parse_header(header: str) -> list[Challenge]:
    challenges: list[Challenge] = []
    position = 0
    while True:
        blank = _SEPARATORS.match(header, position)
        position = blank.end() if blank else position
        parameter = _PARAMETER.match(header, position)
        if parameter and challenges:
            name, quoted, bare = parameter.groups()
            value = _ESCAPED.sub(r"\1", quoted) if quoted is not None else bare
            challenges[-1].parameters.setdefault(name.lower(), value)
            position = parameter.end()
            continue
        scheme = _SCHEME.match(header, position)
        if scheme is None:
            return challenges
        challenges.append(Challenge(scheme.group(1).lower()))
        position = scheme.end()
