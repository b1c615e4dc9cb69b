"""
Reads the bodies that registries post, into notices. It does no I/O.

Only what is malformed as a whole is refused: senders repeat a refused body for ever, so an event of no
interest, or of a kind that does not exist yet, is left out in silence.

Sources: distribution, "Work with notifications" (tried, reference/ecosystem.md section 3); Harbor,
`src/controller/event/handler/webhook/artifact/artifact.go` and `src/pkg/notifier/formats/`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from registries import naming
from syncjobs.models import EventAction
from syncjobs.services.intake import Notice

_DISTRIBUTION_ACTIONS = {"push": EventAction.PUSH, "delete": EventAction.DELETE}
_HARBOR_TYPES = {
    "PUSH_ARTIFACT": EventAction.PUSH,
    "DELETE_ARTIFACT": EventAction.DELETE,
    "harbor.artifact.pushed": EventAction.PUSH,
    "harbor.artifact.deleted": EventAction.DELETE,
}
_LONGEST_ID = 128
_LONGEST_DIGEST = 160


class MalformedError(ValueError):
    """The body is none that a registry sends; the message says where and why."""


def parse(body: bytes) -> list[Notice]:
    """
    Return what the body tells of pushes and deletions, in the registry's own names; some name no tag.

    Left out are pulls and mounts. Raises MalformedError.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedError(f"The body is no JSON: {error}.") from None
    root = _Part(document)
    return list(_distribution(root) if "events" in root.mapping else _harbor(root))


def place(notices: Iterable[Notice], prefix: str) -> list[Notice]:
    """
    Return what is told of tags of an instance that lives under the prefix, in the instance's own names.

    Left out is what names no tag, and repositories elsewhere.
    """
    placed = (_place(notice, prefix) for notice in notices)
    return [notice for notice in placed if notice is not None]


class _Part:
    """A part of the document that knows its path, for messages."""

    def __init__(self, value: Any, path: str = "") -> None:
        self.value = value
        self._path = path

    @property
    def mapping(self) -> Mapping[str, Any]:
        if not isinstance(self.value, dict):
            raise self.malformed("is not an object")
        return self.value

    def at(self, name: str) -> _Part:
        if name not in self.mapping:
            raise self.malformed(f"has no “{name}”")
        return _Part(self.mapping[name], f"{self._path}.{name}".lstrip("."))

    def text(self, name: str, default: str | None = None) -> str:
        if default is not None and self.mapping.get(name) is None:
            return default
        part = self.at(name)
        if not isinstance(part.value, str):
            raise part.malformed("is not a text")
        return part.value

    def items(self, name: str) -> Iterator[_Part]:
        part = self.at(name)
        if not isinstance(part.value, list):
            raise part.malformed("is not a list")
        for number, value in enumerate(part.value):
            yield _Part(value, f"{part._path}[{number}]")

    def malformed(self, what: str) -> MalformedError:
        return MalformedError(f"{self._path or 'The body'} {what}.")


def _distribution(root: _Part) -> Iterator[Notice]:
    for event in root.items("events"):
        action = _DISTRIBUTION_ACTIONS.get(event.text("action"))
        if action is None:
            continue
        target = event.at("target")
        yield Notice(
            event_id=event.text("id"),
            action=action,
            repository=target.text("repository"),
            tag=target.text("tag", ""),
            digest=target.text("digest", ""),
        )


def _harbor(root: _Part) -> Iterator[Notice]:
    action = _HARBOR_TYPES.get(root.text("type"))
    if action is None:
        return
    is_cloud_event = "specversion" in root.mapping
    data = root.at("data" if is_cloud_event else "event_data")
    repository = data.at("repository").text("repo_full_name")
    for number, resource in enumerate(data.items("resources")):
        tag, digest = resource.text("tag", ""), resource.text("digest", "")
        if is_cloud_event:
            event_id = f"{root.text('id')}/{number}"
        else:
            said = [action.value, repository, tag, digest, str(root.mapping.get("occur_at"))]
            event_id = f"harbor/{_fingerprint(said)}"
        yield Notice(event_id, action, repository, tag, digest)


def _place(notice: Notice, prefix: str) -> Notice | None:
    """Return the notice in the instance's own names; None if it is about nothing that it could hold."""
    repository = notice.repository
    if prefix:
        if not repository.startswith(f"{prefix}/"):
            return None
        repository = repository[len(prefix) + 1 :]
    # Harbor and others put the digest where a push without a tag has none.
    if not naming.TAG.allows(notice.tag) or not naming.REPOSITORY_PATH.allows(repository):
        return None
    event_id = notice.event_id
    if not 0 < len(event_id) <= _LONGEST_ID or not event_id.isprintable():
        event_id = f"sha256/{_fingerprint([event_id])}"
    digest = notice.digest if len(notice.digest) <= _LONGEST_DIGEST and notice.digest.isprintable() else ""
    return Notice(event_id, notice.action, repository, notice.tag, digest)


def _fingerprint(parts: list[str]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
