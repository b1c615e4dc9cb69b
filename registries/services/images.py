"""
Deletes what the registry of an instance holds: an image, single tags, a whole repository.

A registry acts at once and takes nothing back, so no transaction spans both: what is gone is noted right afterwards,
also where the rest was refused. Deleting again what is half gone is safe.

Each function takes 20 seconds at most, and is neither for code that runs in an event loop nor for a transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from django.utils.translation import gettext as _

from registries import audit
from registries.models import Instance, Permission, User
from registries.oci.client import RegistryClient
from registries.oci.errors import NotFound, Unsupported
from registries.policies import Refused
from registries.services import listings
from registries.transfer.budget import Budget
from registries.transfer.engine import Engine
from registries.transfer.events import Event, TagFinished
from registries.transfer.known import KnownBlobs
from registries.transfer.removal import RepositoryRemoval

_NAMED = 20
_SHARED = "tag_delete_unsupported"

Found = TypeVar("Found")


class TagShared(Refused):
    """The registry deletes by digest only, and something that is to stay needs this one."""


class NotEmpty(Refused):
    """The repository has tags, and was to be deleted only if it had none."""


def delete_image(*, instance: Instance, repository: str, tag: str, by: User | None, now: datetime) -> str:
    """
    Delete the manifest that the tag names, and with it every other tag of it; return its digest.

    Raises PermissionDenied unless `by` may manage the instance, NotFound if there is no such tag, and what
    `listings.ask` raises.
    """

    async def act(client: RegistryClient) -> str:
        found = await client.find_manifest(repository, tag)
        if found is None:
            raise NotFound("no such tag")
        await client.delete_manifest(repository, found.digest)
        return found.digest

    digest = _ask(instance, by, act)
    _Deletion(audit.Verb.IMAGE_DELETED, instance, repository, by, now).note({"tag": tag, "digest": digest})
    return digest


def delete_tags(
    *, instance: Instance, repository: str, tags: Sequence[str], by: User | None, now: datetime
) -> None:
    """
    Delete these tags and no others.

    Raises what `delete_image` raises, NotFound before anything is deleted; and TagShared where the registry deletes
    by digest only and another tag or index needs it.
    """
    deletion = _Deletion(audit.Verb.IMAGE_DELETED, instance, repository, by, now)

    async def act(client: RegistryClient) -> None:
        for tag in tags:
            if await client.find_manifest(repository, tag) is None:
                raise NotFound("no such tag")
        engine = Engine(client, client, known=KnownBlobs(), budget=Budget())
        await engine.delete_tags(repository, tags, emit=deletion.take, is_stopping=_never)

    deletion.run(act)


def delete_repository(
    *, instance: Instance, repository: str, is_forced: bool, by: User | None, now: datetime
) -> None:
    """
    Delete all that the tags of a repository lead to; unless `is_forced`, only if there are none.

    A registry keeps the name of an empty repository for as long as it likes.

    Raises what `delete_image` raises, NotFound if it has no tags, for registries do not tell that from one that never
    was; and NotEmpty.
    """
    deletion = _Deletion(audit.Verb.REPOSITORY_DELETED, instance, repository, by, now)

    async def act(client: RegistryClient) -> None:
        if not [tag async for page in client.list_tags(repository) for tag in page[:1]]:
            raise NotFound("no such repository, or it has no tags")
        if not is_forced:
            raise NotEmpty(_("The repository is not empty."))
        await RepositoryRemoval(client, repository, emit=deletion.take, is_stopping=_never).run()

    deletion.run(act)


@dataclass(slots=True)
class _Deletion:
    """A deletion of tags, and what became of each."""

    verb: audit.Verb
    instance: Instance
    repository: str
    by: User | None
    now: datetime
    gone: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)

    def take(self, event: Event) -> None:
        """Keep what became of a tag."""
        if isinstance(event, TagFinished) and event.status == "deleted":
            self.gone.append(event.tag)
        elif isinstance(event, TagFinished):
            self.kept[event.tag] = event.reason or ""

    def note(self, facts: dict[str, Any]) -> None:
        """Write down what is gone."""
        audit.record(
            self.verb,
            by=self.by,
            target=self.instance,
            account=self.instance.account,
            now=self.now,
            changes={"repository": self.repository} | facts,
        )

    def run(self, act: Callable[[RegistryClient], Awaitable[None]]) -> None:
        """Act, note what is gone whatever ends it, and raise what says best why tags were kept."""
        try:
            _ask(self.instance, self.by, act)
        finally:
            if self.gone:
                gone = sorted(self.gone)
                self.note({"tags": gone[:_NAMED], "tag_count": len(gone)})
        if self.kept:
            raise self._reason()

    def _reason(self) -> Exception:
        reasons = set(self.kept.values())
        if reasons == {Unsupported.code}:
            return Unsupported("the registry does not delete")
        names = {"names": ", ".join(sorted(self.kept)[:_NAMED])}
        if _SHARED in reasons:
            return TagShared(
                _("The registry deletes only by digest, and other tags need those of: %(names)s.") % names
            )
        return Refused(_("The registry refused to delete these tags: %(names)s.") % names)


def _ask(instance: Instance, by: User | None, act: Callable[[RegistryClient], Awaitable[Found]]) -> Found:
    return listings.ask(instance=instance, by=by, act=act, permission=Permission.MANAGE)


def _never() -> bool:
    return False
