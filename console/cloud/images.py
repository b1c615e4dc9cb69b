"""
Repositories and images, as the registry behind an instance tells them.

A registry tells neither times nor descriptions, and makes a repository when something is pushed.

Source: reference/tencent-api.md 1.4.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from django.utils.translation import gettext as _

from console.cloud import asking, objects, times, windows
from console.cloud.actions import Action, Call, Resource, Right
from console.cloud.errors import CloudError, not_in_instance
from console.cloud.shapes import flag, many, number, text
from registries import naming
from registries.oci.client import RegistryClient
from registries.oci.manifest import Manifest
from registries.services import browsing, listings
from registries.services.browsing import TagDetail
from syncjobs.planner import natural_key

_UNKNOWN_TIME = "0001-01-01 00:00:00 +0000 UTC"
_SORTS = {"", "name", "-name", "creation_time", "-creation_time", "update_time", "-update_time"}
_MOST_BY_DIGEST = 100
_MOST_CONFIG_BYTES = 1024 * 1024


def list_repositories(call: Call) -> dict[str, Any]:
    """Return a page of the registry's repositories, by their whole paths."""
    order = call.values.get("SortBy", "")
    if order not in _SORTS:
        raise CloudError("InvalidParameter.ErrorTcrInvalidParameter", _("SortBy is not one of the fields."))
    namespace, part = call.values.get("NamespaceName", ""), call.values.get("RepositoryName", "")
    names = [
        name
        for name in asking.list_repositories(call)
        if (not namespace or name.startswith(f"{namespace}/")) and part in name.partition("/")[2]
    ]
    if order == "-name":
        names.reverse()
    public = set(call.instance.namespaces.filter(is_public=True).values_list("name", flat=True))
    shown = names[windows.by_page_offset(call.values)]
    return {
        "RepositoryList": [_describe_repository(name, public) for name in shown],
        "TotalCount": len(names),
    }


def list_images(call: Call) -> dict[str, Any]:
    """Return a page of a repository's tags with what they name."""
    matching: list[str] = []
    window, digest = windows.by_page_offset(call.values), call.values.get("Digest", "")

    def choose(tags: list[str]) -> list[str]:
        matching.extend(sorted(filter(_tag_filter(call.values), tags), key=natural_key))
        return matching[:_MOST_BY_DIGEST] if digest else matching[window]

    repository = _repository(call)
    with asking.patiently():
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
    repository, tag = _repository(call), call.values["ImageVersion"]

    async def read(client: RegistryClient) -> tuple[Manifest, str]:
        manifest = await client.get_manifest(repository, tag)
        if manifest.config is None or manifest.config.size > _MOST_CONFIG_BYTES:
            return manifest, ""
        pieces = [piece async for piece in client.stream_blob(repository, manifest.config)]
        return manifest, b"".join(pieces).decode("utf-8", "replace")

    with asking.patiently():
        manifest, config = listings.ask(instance=call.instance, by=call.user, act=read)
    return {
        "Manifest": manifest.content.decode("utf-8", "replace"),
        "Config": config,
        "Labels": _labels(config),
        "Size": sum(blob.size for blob in manifest.blobs),
    }


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


def _repository(call: Call) -> str:
    """Return the whole path; a name may come with its namespace, as the vendor's lists tell it."""
    namespace, name = call.values["NamespaceName"], call.values["RepositoryName"]
    path = f"{namespace}/{name.removeprefix(f'{namespace}/')}"
    if not naming.REPOSITORY_PATH.allows(path):
        raise CloudError("InvalidParameter.ErrorTcrInvalidParameter", _(naming.REPOSITORY_PATH.sentence))
    return path


def _describe_repository(name: str, public: set[str]) -> dict[str, Any]:
    namespace = name.partition("/")[0]
    return {
        "Name": name,
        "Namespace": namespace,
        "CreationTime": _UNKNOWN_TIME,
        "Public": namespace in public,
        "Description": "",
        "BriefDescription": "",
        "UpdateTime": _UNKNOWN_TIME,
    }


def _labels(config: str) -> list[dict[str, str]]:
    try:
        labels = json.loads(config)["config"]["Labels"]
        return [{"Key": key, "Value": str(value)} for key, value in labels.items()]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return []


_PLACE = {
    "RegistryId": text(required=True),
    "NamespaceName": text(required=True),
    "RepositoryName": text(required=True),
}

ACTIONS = (
    Action(
        "DescribeRepositories",
        list_repositories,
        {
            "RegistryId": text(required=True),
            "NamespaceName": text(),
            "RepositoryName": text(),
            "Offset": number(),
            "Limit": number(),
            "SortBy": text(),
        },
        {
            "RepositoryList": many(objects.TCR_REPOSITORY_INFO, required=True),
            "TotalCount": number(required=True),
        },
        Right.VIEW,
        Resource.REPOSITORY,
        note="Registries tell no times and no descriptions; other orders than `-name` are by name.",
    ),
    Action(
        "DescribeImages",
        list_images,
        {
            **_PLACE,
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
        {**_PLACE, "ImageVersion": text(required=True)},
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
)
