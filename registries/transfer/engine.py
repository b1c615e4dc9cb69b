"""The way in: copies repositories from one registry to another, and deletes what is to go there."""

from collections.abc import Callable, Iterable

from registries.oci.client import RegistryClient
from registries.transfer.budget import Budget
from registries.transfer.deletion import TagDeletion
from registries.transfer.events import Event
from registries.transfer.known import KnownBlobs
from registries.transfer.plan import RepositoryCopy
from registries.transfer.progress import Progress, Stopped
from registries.transfer.repository import RepositoryRun
from registries.transfer.route import Route
from registries.transfer.shared_reading import SharedReads

__all__ = ["Engine", "Stopped"]


class Engine:
    """
    Copies between one source and one target.

    Shared by all jobs that go between the same two endpoints in one event loop: what one of them has
    brought, or is bringing, the others don't bring again. Engines that are given the same `reads` share what
    they read from one source.
    """

    def __init__(
        self,
        source: RegistryClient,
        target: RegistryClient,
        *,
        known: KnownBlobs,
        budget: Budget,
        reads: SharedReads | None = None,
    ) -> None:
        self._route = Route(source, target, known, budget, reads)

    async def copy(
        self, request: RepositoryCopy, *, emit: Callable[[Event], None], is_stopping: Callable[[], bool]
    ) -> None:
        """
        Make the requested tags of the target repository equal to the source's; safe to repeat.

        Emits one TagFinished for each tag; a tag that can't be copied fails itself and nothing else.

        Raises Stopped once `is_stopping` says so, after upload sessions have been given back, and the
        RegistryError that makes the rest of the repository impossible: a refused listing, refused
        credentials, or a registry that is paused for longer than is worth waiting. Tags that were not
        reached then have no event.
        """
        progress = Progress(emit, is_stopping)
        progress.check()
        await progress.run(RepositoryRun(self._route, request, progress).run())

    async def delete_tags(
        self,
        repository: str,
        tags: Iterable[str],
        *,
        emit: Callable[[Event], None],
        is_stopping: Callable[[], bool],
    ) -> None:
        """
        Delete tags of a target repository and no others; a tag that is absent counts as deleted.

        Where the registry only deletes by digest, a tag whose digest another tag or index of the repository
        needs fails with the reason "tag_delete_unsupported".

        Raises Stopped, and the RegistryError that no other tag would survive either.
        """
        progress = Progress(emit, is_stopping)
        progress.check()
        await progress.run(TagDeletion(self._route, repository, tags, progress).run())
