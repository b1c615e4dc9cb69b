"""
Images, as the registry behind an instance tells them; and how they are deleted there.

A registry tells no times.

Source: reference/tencent-api.md 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from console.cloud import asking, objects, times, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import invalid, not_in_instance
from console.cloud.shapes import flag, many, number, text, texts
from registries.oci.client import RegistryClient
from registries.oci.manifest import Manifest
from registries.services import browsing, images, listings
from registries.services.browsing import TagDetail
from syncjobs.planner import natural_key

_MOST_BY_DIGEST = 100
_MOST_TAGS = 20
_MOST_CONFIG_BYTES = 1024 * 1024


def list_images(call: Call) -> dict[str, Any]:
    """Return a page of a repository's tags with what they name."""
    matching: list[str] = []
    window, digest = windows.by_page_offset(call.values), call.values.get("Digest", "")

    def choose(tags: list[str]) -> list[str]:
        matching.extend(sorted(filter(_tag_filter(call.values), tags), key=natural_key))
        return matching[:_MOST_BY_DIGEST] if digest else matching[window]

    repository = asking.repository_path(call)
    shelf = browsing.read_repository(
        instance=call.instance, repository=repository, by=call.user, choose=choose, with_companions=True
    )
    if not shelf.names.names:  # a registry does not tell an empty repository from one that never was
        raise not_in_instance(_("repository %(name)s with a tag") % {"name": repository})
    total, details = len(matching), shelf.tags
    if digest:
        details = [detail for detail in details if detail.digest == digest]
        total, details = len(details), details[window]
    return {"ImageInfoList": [_describe_image(detail) for detail in details], "TotalCount": total}


def show_manifest(call: Call) -> dict[str, Any]:
    """Return manifest and config of a tag, as the registry stores them."""
    repository, tag = asking.repository_path(call), call.values["ImageVersion"]
    asking.check_tag(tag)

    async def read(client: RegistryClient) -> tuple[Manifest, str]:
        manifest = await client.get_manifest(repository, tag)
        if manifest.config is None or manifest.config.size > _MOST_CONFIG_BYTES:
            return manifest, ""
        pieces = [piece async for piece in client.stream_blob(repository, manifest.config)]
        return manifest, b"".join(pieces).decode("utf-8", "replace")

    manifest, config = listings.ask(instance=call.instance, by=call.user, act=read)
    return {
        "Manifest": manifest.content.decode("utf-8", "replace"),
        "Config": config,
        "Labels": _labels(config),
        "Size": sum(blob.size for blob in manifest.blobs),
    }


def delete_image(call: Call) -> dict[str, Any]:
    """Delete what a tag names, with its other tags."""
    repository, tag = asking.repository_path(call), call.values["ImageVersion"]
    asking.check_tag(tag)
    images.delete_image(instance=call.instance, repository=repository, tag=tag, by=call.user, now=call.now)
    return {}


def delete_tags(call: Call) -> dict[str, Any]:
    """Delete up to twenty tags, and nothing else."""
    repository, tags = asking.repository_path(call), list(dict.fromkeys(call.values["Tags"]))
    if not 0 < len(tags) <= _MOST_TAGS:
        raise invalid("Tags", _("Give 1 to 20 tags."))
    for tag in tags:
        asking.check_tag(tag)
    images.delete_tags(instance=call.instance, repository=repository, tags=tags, by=call.user, now=call.now)
    return {}


def _tag_filter(values: Mapping[str, Any]) -> Callable[[str], bool]:
    wanted = values.get("ImageVersion", "")
    if values.get("ExactMatch"):
        return lambda tag: tag == wanted
    return lambda tag: wanted in tag


def _describe_image(detail: TagDetail) -> dict[str, Any]:
    """Return a tag; one whose manifest could not be read has no digest."""
    return {
        "Digest": detail.digest,
        "Size": detail.size or 0,
        "ImageVersion": detail.tag,
        "UpdateTime": times.NEVER,
        "Kind": detail.artifact_type or detail.kind,
        "KmsSignature": "",
    }


def _labels(config: str) -> list[dict[str, str]]:
    try:
        labels = json.loads(config)["config"]["Labels"]
        return [{"Key": key, "Value": str(value)} for key, value in labels.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


ACTIONS = (
    Action(
        "DescribeImages",
        list_images,
        {
            **objects.PLACE,
            "ImageVersion": text(),
            "Limit": number(),
            "Offset": number(),
            "Digest": text(),
            "ExactMatch": flag(),
        },
        {"ImageInfoList": many(objects.TCR_IMAGE_INFO, required=True), "TotalCount": number(required=True)},
        Right.VIEW,
        Resource.REPOSITORY,
        note="In natural order of the tags. `Digest` is looked for among the first 100. Registries tell no times.",
    ),
    Action(
        "DescribeImageManifests",
        show_manifest,
        {**objects.PLACE, "ImageVersion": text(required=True)},
        {
            "Manifest": text(required=True),
            "Config": text(required=True),
            "Labels": many(objects.KEY_VALUE_STRING, required=True),
            "Size": number(required=True),
        },
        Right.VIEW,
        Resource.REPOSITORY,
        note="`Config` is empty for an index of several platforms.",
    ),
    Action(
        "DeleteImage",
        delete_image,
        {**objects.PLACE, "ImageVersion": text(required=True)},
        {},
        Right.MANAGE,
        Resource.REPOSITORY,
        note="By digest: other tags of the same image go, too.",
    ),
    Action(
        "DeleteRepositoryTags",
        delete_tags,
        {**objects.PLACE, "Tags": texts(required=True)},
        {},
        Right.MANAGE,
        Resource.REPOSITORY,
        note=(
            "Deletes these tags only. `FailedOperation.PreconditionFailed` where the registry deletes by digest and "
            "another tag needs it."
        ),
    ),
)
