"""What forms about registries share: the address, the certificate, the credential, and trying them out."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from cryptography import x509
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from registries import permissions
from registries.models import User
from registries.oci.errors import Forbidden, HostRefused, Throttled, TransientError, Unauthorized
from registries.services.connections import ConnectionReport

_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\])", re.IGNORECASE)
# Names that people know Docker Hub by; the API of a registry is served elsewhere.
_DOCKER_HUB = frozenset({"docker.io", "index.docker.io", "registry.hub.docker.com", "hub.docker.com"})
_DOCKER_HUB_API = "registry-1.docker.io"
_TRANSIENT_CODES = frozenset(kind.code for kind in TransientError.__subclasses__())


def clean_url(value: str) -> str:
    """
    Return the address of a registry as `scheme://host[:port]`; without a scheme it is https.

    Docker Hub's names stand for the host of its API (source: distribution/reference, "docker.io").

    Raises ValidationError if it holds anything else, such as a path or a password.
    """
    text = value.strip()
    if not text:
        return ""
    if "://" not in text:
        text = f"https://{text}"
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValidationError(_("This is not an address: its host or port cannot be read.")) from None
    if parts.scheme.lower() not in {"http", "https"}:
        raise ValidationError(_("The address of a registry begins with https:// or http://."))
    if parts.username is not None or parts.password is not None:
        raise ValidationError(
            _("Write the username and password into their own fields, not into the address.")
        )
    host = parts.netloc.rpartition(":")[0] if port is not None else parts.netloc.rstrip(":")
    if not _HOST.fullmatch(host) or port == 0:
        raise ValidationError(_("This is not an address: its host or port cannot be read."))
    if parts.path.strip("/") or parts.query or parts.fragment:
        raise ValidationError(_("The address of a registry has no path; namespaces are chosen in the rules."))
    host = _DOCKER_HUB_API if host.lower() in _DOCKER_HUB else host.lower()
    return f"{parts.scheme.lower()}://{host}" + (f":{port}" if port is not None else "")


def clean_ca_pem(value: str) -> str:
    """Return the certificates, a line break at the end; raises ValidationError if they can't be read."""
    text = value.strip()
    if not text:
        return ""
    try:
        x509.load_pem_x509_certificates(text.encode())
    except ValueError:
        raise ValidationError(
            _("This is not a certificate in PEM form: “-----BEGIN CERTIFICATE-----” and so on.")
        ) from None
    return f"{text}\n"


def find_problem(
    report: ConnectionReport, *, by: User | None, is_anonymous: bool, has_own_ca: bool
) -> tuple[str, str] | None:
    """Return the field at fault and a sentence for the user, or None if the connection works."""
    if report.is_ok:
        return None
    field, sentence, detail = "endpoint_url", "", report.detail
    if report.code == HostRefused.code:
        sentence, detail = _refused_host(by), ""
    elif report.code == Unauthorized.code and is_anonymous:
        field, sentence, detail = "username", _("The registry asks for a username and a password."), ""
    elif report.code == Unauthorized.code:
        field, sentence, detail = "password", _("The registry rejected the username or the password."), ""
    elif report.code == Forbidden.code:
        field, sentence = "username", _("The registry does not let this user in.")
    elif report.is_certificate:
        field = "ca_pem" if has_own_ca else "verify_tls"
        sentence = _("The registry's certificate is not trusted.")
    elif report.is_tls:
        sentence = _("No TLS connection could be made. Is it a plain http:// address?")
    elif report.code == Throttled.code:
        sentence, detail = _("The registry limits the rate of requests. Try again later."), ""
    elif report.code in _TRANSIENT_CODES:
        sentence = _("The registry cannot be reached.")
    else:
        sentence = _("There is no container registry at this address.")
    return field, f"{sentence} ({detail})" if detail else sentence


def _refused_host(by: User | None) -> str:
    sentence = _("Connections to this address are not allowed by the platform's operator.")
    if not permissions.is_platform(by):
        return sentence
    hint = _("Add its network to REGATTA_ALLOWED_NETWORKS and restart.")
    return f"{sentence} {hint}"
