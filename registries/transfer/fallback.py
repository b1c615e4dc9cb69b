"""Keeps the list of referrers under a tag at targets that have no referrers API."""

import json
from collections.abc import Sequence
from typing import Any

from registries.oci.errors import NotFound
from registries.oci.manifest import Descriptor, Manifest, parse_manifest
from registries.oci.media_types import OCI_INDEX
from registries.oci.reference import fallback_tag
from registries.transfer.route import AT_TARGET, Lane


async def record(
    lane: Lane, subject: str, referrers: Sequence[Descriptor], *, verbatim: Manifest | None = None
) -> None:
    """
    Add the referrers to the target's list for their subject; safe to repeat.

    `verbatim` is the source's own list: written as it is where the target has none or a part of it, so
    that the tag is the same on both sides from then on.

    Source: distribution specification, "Pushing Manifests with Subject".
    """
    tag = fallback_tag(subject)
    target, repository = lane.route.target, lane.target_repository
    async with lane.route.lock(repository, tag):
        lane.progress.check()
        with AT_TARGET:
            try:
                current = await target.get_manifest(repository, tag)
            except NotFound:
                current = None
            listed = {entry.digest for entry in current.manifests} if current else set()
            missing = [entry for entry in referrers if entry.digest not in listed]
            if not missing:
                return
            if verbatim is None or not listed <= {entry.digest for entry in verbatim.manifests}:
                verbatim = parse_manifest(extend_index(current, missing), OCI_INDEX)
            await target.put_manifest(repository, tag, verbatim)


def extend_index(index: Manifest | None, referrers: Sequence[Descriptor]) -> bytes:
    """Return an index with the referrers behind those that it has; what else it says is kept."""
    document: dict[str, Any] = (
        json.loads(index.content)
        if index is not None and index.is_index
        else {"schemaVersion": 2, "mediaType": OCI_INDEX}
    )
    entries = document.get("manifests") or []
    document["manifests"] = entries + [_entry(descriptor) for descriptor in referrers]
    return json.dumps(document, separators=(",", ":")).encode()


def _entry(descriptor: Descriptor) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "mediaType": descriptor.media_type,
        "digest": descriptor.digest,
        "size": descriptor.size,
    }
    if descriptor.artifact_type:
        entry["artifactType"] = descriptor.artifact_type
    if descriptor.annotations:
        entry["annotations"] = dict(descriptor.annotations)
    return entry
