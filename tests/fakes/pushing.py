"""Puts test content into registries: straight into a fake one, or over HTTP into any."""

from collections.abc import Mapping
from urllib.parse import urlencode

import httpx

from tests.fakes.artifacts import Artifact, ManifestFile
from tests.fakes.registry import FakeRegistry


def push(
    artifact: Artifact,
    registry: FakeRegistry | str,
    repository: str,
    tag: str | None = None,
    *,
    auth: tuple[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> str:
    """
    Put the artifact into the repository and return the digest of its root.

    The registry is a fake one, written directly and without a trace in its log, or the URL of any,
    with basic auth or headers (such as a bearer token). Safe to repeat.
    """
    if isinstance(registry, FakeRegistry):
        _arrange(artifact, registry, repository, tag)
    else:
        with httpx.Client(
            base_url=registry, auth=auth, headers=headers, trust_env=False, timeout=60
        ) as client:
            _upload(artifact, client, repository, tag)
    return artifact.digest


def _arrange(artifact: Artifact, registry: FakeRegistry, repository: str, tag: str | None) -> None:
    for digest, content in artifact.blobs.items():
        registry.put_blob(repository, content, digest.partition(":")[0])
    for file in artifact.manifests:
        algorithm = file.digest.partition(":")[0]
        registry.put_manifest(repository, None, file.content, file.media_type, algorithm)
    if tag is not None:
        registry.put_tag(repository, tag, artifact.digest)
    for extra_tag, digest in artifact.tags.items():
        registry.put_tag(repository, extra_tag, digest)


def _upload(artifact: Artifact, client: httpx.Client, repository: str, tag: str | None) -> None:
    for digest, content in artifact.blobs.items():
        _upload_blob(client, repository, digest, content)
    by_digest = {file.digest: file for file in artifact.manifests}
    for file in artifact.manifests:
        _put_manifest(client, repository, file.digest, file)
    if tag is not None:
        _put_manifest(client, repository, tag, artifact.root)
    for extra_tag, digest in artifact.tags.items():
        _put_manifest(client, repository, extra_tag, by_digest[digest])


def _upload_blob(client: httpx.Client, repository: str, digest: str, content: bytes) -> None:
    if client.head(f"/v2/{repository}/blobs/{digest}").status_code == 200:
        return
    started = client.post(f"/v2/{repository}/blobs/uploads/")
    started.raise_for_status()
    location = started.headers["Location"]
    separator = "&" if "?" in location else "?"
    client.put(f"{location}{separator}{urlencode({'digest': digest})}", content=content).raise_for_status()


def _put_manifest(client: httpx.Client, repository: str, reference: str, file: ManifestFile) -> None:
    response = client.put(
        f"/v2/{repository}/manifests/{reference}",
        content=file.content,
        headers={"Content-Type": file.media_type},
    )
    if response.is_error:
        raise AssertionError(f"{response.request.url} answered {response.status_code}: {response.text}")
