"""
The steps of a connection test, each of which says in words what it met with. No database.

Every address passes the guard before anything is sent to it, and the registry's own words are stripped of the
endpoint's secret, should it echo them.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from registries.oci.challenge import choose, parse_challenges
from registries.oci.client import RegistryClient
from registries.oci.endpoint import Endpoint
from registries.oci.errors import (
    Forbidden,
    HostRefused,
    NotFound,
    RegistryError,
    Throttled,
    TransientError,
    Unauthorized,
    Unsupported,
)
from registries.oci.exchange import Timeouts
from registries.oci.guard import Address, EndpointGuard, HostGuard, parse_address
from registries.oci.retry import RetryPolicy
from registries.oci.transport import AiohttpTransport

PROBE_REPOSITORY = "regatta/connection-test"
"""Where the right to push is tried if the catalogue names no repository; no tag is ever written."""

_PORTS = {"http": 80, "https": 443}
_RETRY = RetryPolicy(attempts=1, throttled_attempts=1)
_TIMEOUTS = Timeouts(connect_seconds=8.0, stall_seconds=10.0)


class StepFailed(Exception):
    """A step did not succeed; the message says why, in words fit for the user."""


class StepSkipped(Exception):
    """There was nothing to try; the message says why."""


class Probe:
    """One run of the steps against one endpoint; each returns its words, or raises StepFailed or StepSkipped."""

    def __init__(self, endpoint: Endpoint, guard: HostGuard, *, for_platform: bool) -> None:
        self._endpoint = endpoint
        self._guard = guard
        self._for_platform = for_platform
        parts = urlsplit(endpoint.url)
        self._is_tls = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or _PORTS[parts.scheme]
        self._addresses: list[Address] = []
        self._repository = PROBE_REPOSITORY

    async def address(self) -> str:
        """Resolve the host's name and ask the guard."""
        guard = EndpointGuard(self._guard, self._endpoint.url)
        try:
            guard.check_home()
            self._addresses = guard.check_addresses(self._host, self._port, await self._resolve())
        except HostRefused:
            raise StepFailed(self._refused_host()) from None
        return _("%(host)s is known and may be contacted.") % {"host": self._host}

    async def connection(self) -> str:
        """Open a TCP connection, and TLS on it where the address asks for that."""
        context = self._ssl_context() if self._is_tls else None
        name = self._host if self._is_tls else None
        try:
            _reader, writer = await asyncio.open_connection(
                str(self._addresses[0]), self._port, ssl=context, server_hostname=name
            )
        except ssl.SSLCertVerificationError as error:
            words = _("The registry's certificate is not trusted.")
            raise StepFailed(f"{words} ({error.verify_message})") from None
        except ssl.SSLError:
            raise StepFailed(_("No TLS connection could be made. Is it a plain http:// address?")) from None
        except OSError:
            raise StepFailed(_("The registry cannot be reached.")) from None
        version = writer.get_extra_info("ssl_object").version() if context else ""
        writer.close()
        with suppress(OSError, ssl.SSLError):
            await writer.wait_closed()
        if not context:
            return _("Connected. The connection is not encrypted.")
        if not self._endpoint.verify_tls:
            return _("Connected with %(version)s. The certificate is not verified.") % {"version": version}
        return _("Connected with %(version)s; the certificate is trusted.") % {"version": version}

    async def challenge(self) -> str:
        """Ask without credentials how the registry wants to be addressed."""
        transport = AiohttpTransport(self._endpoint, EndpointGuard(self._guard, self._endpoint.url))
        timeout = {"connect": 8.0, "read": 10.0}
        request = httpx.Request("GET", f"{self._endpoint.url}/v2/", extensions={"timeout": timeout})
        try:
            response = await transport.handle_async_request(request)
            status, headers = response.status_code, response.headers.get_list("www-authenticate")
            await response.aclose()
        except httpx.HTTPError:
            raise StepFailed(_("The registry cannot be reached.")) from None
        finally:
            await transport.aclose()
        if status == 200:
            return _("The registry lets everybody in.")
        chosen = choose(parse_challenges(headers)) if status == 401 else None
        if chosen is None:
            words = _("There is no container registry at this address.")
            raise StepFailed(f"{words} (HTTP {status})")
        if chosen.scheme == "basic":
            return _("The registry asks for a username and a password.")
        host = urlsplit(chosen.realm).hostname or "?"
        return _("The registry asks for tokens of %(host)s.") % {"host": host}

    async def login(self) -> str:
        """Sign in with the stored credential."""
        async with self._client() as client:
            await client.ping()
        if self._endpoint.username is None:
            raise StepSkipped(_("No username is stored: Regatta is anonymous here."))
        if self._endpoint.prefix and not self._for_platform:  # a backend's account is no tenant's business
            return _("The registry accepted this platform's account.")
        return _("The registry accepted %(username)s.") % {"username": self._endpoint.username}

    async def catalogue(self) -> str:
        """Read the first page of the list of repositories."""
        try:
            async with self._client() as client:
                names: list[str] = await anext(client.list_repositories(), [])
        except (NotFound, Unsupported):
            words = _("The registry has no catalogue. Rules must name their repositories.")
            raise StepSkipped(words) from None
        if names:
            self._repository = names[0]
        return ngettext(
            "%(count)d repository on the first page.", "%(count)d repositories on the first page.", len(names)
        ) % {"count": len(names)}

    async def push(self) -> str:
        """Open an upload and cancel it; nothing is written."""
        async with self._client(writes=True) as client:
            upload = await client.start_upload(self._repository)
            if upload is not None:
                await client.cancel_upload(upload)
        return _("An upload could be opened in %(repository)s, and was cancelled.") % {
            "repository": self._repository
        }

    def words_of(self, error: RegistryError) -> str:
        """Return what an error means, with the registry's own words where they help."""
        detail = error.detail
        if isinstance(error, HostRefused):
            return self._refused_host()
        if isinstance(error, Unauthorized):
            if self._endpoint.username is None:
                return _("The registry asks for a username and a password.")
            sentence = _("The registry rejected the username or the password.")
        elif isinstance(error, Forbidden):
            sentence = _("The registry does not allow this to the stored user.")
        elif isinstance(error, Throttled):
            return _("The registry limits the rate of requests. Try again later.")
        elif isinstance(error, TransientError):
            sentence = _("The registry cannot be reached, or failed.")
        else:
            sentence = _("The registry refused.")
        return f"{sentence} ({detail})" if detail else sentence

    async def _resolve(self) -> list[Address]:
        literal = parse_address(self._host)
        if literal is not None:
            return [literal]
        loop = asyncio.get_running_loop()
        try:
            found = await loop.getaddrinfo(self._host, self._port, proto=6)
        except (OSError, UnicodeError):
            raise StepFailed(_("The name %(host)s is not known.") % {"host": self._host}) from None
        addresses = (parse_address(str(entry[4][0])) for entry in found)
        return list(dict.fromkeys(address for address in addresses if address is not None))

    def _ssl_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cadata=self._endpoint.ca_pem)
        if not self._endpoint.verify_tls:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def _client(self, *, writes: bool = False) -> RegistryClient:
        return RegistryClient(
            self._endpoint, guard=self._guard, timeouts=_TIMEOUTS, retry=_RETRY, writes=writes
        )

    def _refused_host(self) -> str:
        sentence = _("Connections to this address are not allowed by the platform's operator.")
        if not self._for_platform:
            return sentence
        return f"{sentence} {_('Add its network to REGATTA_ALLOWED_NETWORKS and restart.')}"
