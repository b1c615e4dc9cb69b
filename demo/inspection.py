"""Looks at the targets with a client that is not Regatta's: skopeo, or, where that is missing, plain HTTP."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from demo.content import Expectation
from demo.lab import Lab

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was expected of one tag of a target, and what another client found there."""

    expectation: Expectation
    digest: str | None

    @property
    def is_right(self) -> bool:
        """Whether the tag is as it must be."""
        return self.digest == self.expectation.digest


def client_name() -> str:
    """Return the name of the client that inspects."""
    return "skopeo" if shutil.which("skopeo") else "plain HTTP requests"


def inspect(expectations: Sequence[Expectation], lab: Lab) -> list[Finding]:
    """Compute the digest of each tag from the bytes that the target serves."""
    return [Finding(expectation, _digest(expectation, lab)) for expectation in expectations]


def _digest(expectation: Expectation, lab: Lab) -> str | None:
    place = expectation.place
    content = _fetch(lab.url(place), lab.credentials_of(place), expectation.repository, expectation.tag)
    return None if content is None else f"sha256:{hashlib.sha256(content).hexdigest()}"


def _fetch(url: str, credentials: tuple[str, str] | None, repository: str, tag: str) -> bytes | None:
    skopeo = shutil.which("skopeo")
    if skopeo is None or _is_absent(url, credentials, repository, tag):
        return _fetch_plainly(url, credentials, repository, tag)
    host = url.partition("://")[2]
    login = ["--creds", ":".join(credentials)] if credentials else ["--no-creds"]
    command = [
        skopeo,
        "inspect",
        "--raw",
        "--tls-verify=false",
        *login,
        f"docker://{host}/{repository}:{tag}",
    ]
    result = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603 - our own words
    if result.returncode:
        raise RuntimeError(f"skopeo failed: {result.stderr.decode(errors='replace').strip()}")
    return result.stdout


def _is_absent(url: str, credentials: tuple[str, str] | None, repository: str, tag: str) -> bool:
    return _fetch_plainly(url, credentials, repository, tag) is None


def _fetch_plainly(url: str, credentials: tuple[str, str] | None, repository: str, tag: str) -> bytes | None:
    response = httpx.get(
        f"{url}/v2/{repository}/manifests/{tag}",
        auth=credentials,
        headers={"Accept": _ACCEPT},
        trust_env=False,
        timeout=30,
    )
    if response.status_code == httpx.codes.NOT_FOUND:
        return None
    return response.raise_for_status().content
