"""Copies the tags of one repository: which of them, in what order, and what is said about each."""

from dataclasses import replace
from functools import partial

from registries.oci import warned
from registries.oci.errors import (
    Forbidden,
    PermanentError,
    RegistryError,
    Throttled,
    Unauthorized,
    Unreachable,
    Unsupported,
)
from registries.oci.manifest import Manifest
from registries.transfer.events import Kind, Side, Status, TagFinished, failed
from registries.transfer.flights import Flights
from registries.transfer.graph import attachable, cosign_tags, is_companion
from registries.transfer.plan import RepositoryCopy, decide
from registries.transfer.progress import Progress, Tally
from registries.transfer.referrers import Referrers
from registries.transfer.resolve import Resolution, read, resolve, resolve_optional
from registries.transfer.route import Lane, Route, list_target
from registries.transfer.together import for_each, together
from registries.transfer.walk import Walk

# When so many tags in a row were forbidden, or found nobody at home, the rest would fare no better.
_HOPELESS_ENOUGH = 10


class RepositoryRun:
    """One call of `Engine.copy`."""

    def __init__(self, route: Route, request: RepositoryCopy, progress: Progress) -> None:
        self._route = route
        self._request = request
        self._progress = progress
        self._requested = frozenset(request.tags)
        self._target_tags: frozenset[str] | None = request.target_tags
        self._lane: Lane
        self._flights = Flights()
        self._attached: set[str] = set()
        self._followed: dict[str, TagFinished] = {}
        self._hopeless_count = 0
        self._warnings: dict[str, None] = {}
        self._told_count = 0

    async def run(self) -> None:
        """
        Copy the tags; companions come last, since most of them follow an image and are done by then.

        Raises the RegistryError that makes the whole repository impossible.
        """
        with warned.listening() as self._warnings:
            await self._run()

    async def _run(self) -> None:
        request = self._request
        if self._target_tags is None and len(request.tags) > 1:
            self._target_tags = await self._list_target()
        self._lane = Lane(
            route=self._route,
            source_repository=request.source_repository,
            target_repository=request.target_repository,
            is_new=self._target_tags is not None and not self._target_tags,
            options=request.options,
            progress=self._progress,
            source_tags=request.source_tags,
            pace=request.pace,
        )
        tags = list(dict.fromkeys(request.tags))
        await self._run_all([tag for tag in tags if not is_companion(tag)])
        await self._run_all([tag for tag in tags if is_companion(tag)])

    async def _list_target(self) -> frozenset[str] | None:
        """List the target's tags; None where that is not offered, so that each tag is asked for."""
        self._progress.check()
        try:
            return await list_target(self._route, self._request.target_repository)
        except Unsupported:
            return None

    async def _run_all(self, tags: list[str]) -> None:
        await for_each(tags, self._work, limit=self._route.budget.max_tags)

    async def _work(self, tag: str) -> None:
        async with self._route.budget.tag():
            self._progress.check()
            await self._finish(tag)

    async def _finish(self, tag: str) -> None:
        """Copy a tag and say what became of it; raise only what no other tag would survive either."""
        if (followed := self._followed.get(tag)) is not None:
            self._emit(followed)
            return
        tally = Tally()
        try:
            outcome = await self._copy(tag, tally)
        except RegistryError as error:
            self._emit_failure(tag, error, tally)
            self._raise_if_hopeless(error)
        else:
            self._hopeless_count = 0
            self._emit(outcome)

    def _emit_failure(self, tag: str, error: RegistryError, tally: Tally) -> None:
        repository = self._request.source_repository
        self._emit(failed(repository, tag, error, bytes_copied=tally.bytes_copied, notes=tally.notes))

    def _emit(self, outcome: TagFinished) -> None:
        """Say what became of a tag, and pass on what a registry warned of since the last one."""
        if len(self._warnings) > self._told_count:
            news = list(self._warnings)[self._told_count :]
            self._told_count = len(self._warnings)
            outcome = replace(outcome, detail="; ".join(part for part in (outcome.detail, *news) if part))
        self._progress.emit(outcome)

    def _raise_if_hopeless(self, error: RegistryError) -> None:
        if isinstance(error, Forbidden | Unreachable):
            self._hopeless_count += 1
            if self._hopeless_count >= _HOPELESS_ENOUGH:
                raise error
        elif isinstance(error, Unauthorized | Throttled):
            raise error

    async def _copy(self, tag: str, tally: Tally) -> TagFinished:
        options = self._lane.options
        found = await resolve(self._lane, tag, is_at_target=self._has_at_target(tag))
        decided = self._decide(tag, found) if found.is_comparable else None
        if decided is not None and decided.status == "up_to_date":
            return await self._catch_up(tag, found, tally) or decided
        if decided is not None:
            return decided
        manifest = await read(self._lane, tag, found)
        if (decided := self._decide(tag, found)) is not None:
            return decided
        kind = manifest.kind
        if kind not in options.kinds:
            return self._outcome(tag, "skipped", found, kind=kind, reason="kind_not_selected")
        await self._write(tag, manifest, tally, is_followed=options.referrers and not is_companion(tag))
        return self._outcome(tag, "copied", found, tally, kind=kind)

    async def _write(self, tag: str, manifest: Manifest, tally: Tally, *, is_followed: bool) -> None:
        """Bring what the manifest needs, what is attached to it, and in the end the tag."""
        walk = Walk(self._lane, tally)
        await walk.complete(manifest)
        referrers = Referrers(walk)
        if is_followed and manifest.digest not in self._attached:
            attach = partial(self._attach, manifest, referrers, tally)
            await self._flights.run(("attached", manifest.digest), attach)
        if manifest.subject is not None and not self._route.indexes_subjects:
            # The tag ends the copy for good, so its subject has to list it before.
            await walk.put(manifest.digest, manifest)
            await referrers.record()
        await walk.put(tag, manifest)
        await referrers.bring_refused()
        await referrers.record()

    async def _attach(self, manifest: Manifest, referrers: Referrers, tally: Tally) -> None:
        """Bring what others have attached to the manifest's graph, once for all tags that name it."""
        digests = self._attachable(manifest)
        await referrers.bring(digests)
        await referrers.record()
        await self._follow(digests, tally)
        self._attached.add(manifest.digest)

    def _attachable(self, manifest: Manifest) -> list[str]:
        """List the digests of the graph that something may be attached to, the manifest's own first."""
        found = {manifest.digest: None}
        queue = attachable(manifest.manifests)
        while queue:
            digest = queue.pop()
            if digest not in found:
                found[digest] = None
                queue += self._lane.nested.get(digest, ())
        return list(found)

    async def _follow(self, digests: list[str], tally: Tally) -> None:
        """
        Copy the tags that cosign made for these manifests.

        Where the source's tags are not listed they are asked for one by one, and only those of the first.
        """
        listed = self._lane.source_tags
        if listed is None:
            wanted = cosign_tags(digests[0])
        else:
            wanted = [tag for digest in digests for tag in cosign_tags(digest) if tag in listed]
        await together([self._copy_companion(tag, tally) for tag in wanted])

    async def _catch_up(self, tag: str, found: Resolution, tally: Tally) -> TagFinished | None:
        """Bring the signatures of an unchanged tag if both lists of tags say that they are missing."""
        listed, target_tags = self._lane.source_tags, self._target_tags
        if not self._lane.options.referrers or listed is None or target_tags is None:
            return None
        missing = [
            name
            for name in cosign_tags(found.digest)
            if name in listed and name not in target_tags and name not in self._requested
        ]
        await together([self._copy_companion(name, tally) for name in missing])
        return self._outcome(tag, "copied", found, tally) if tally.companion_count else None

    async def _copy_companion(self, tag: str, tally: Tally) -> None:
        """
        Copy a companion for the tag of this tally, once, whatever the filters say about it.

        A companion that will never arrive is noted, and does not make the tag a failure.
        """
        if tag not in self._followed:
            try:
                await self._flights.run(("tag", tag), partial(self._bring_companion, tag))
            except PermanentError as error:
                tally.notes.append(f"{tag} was not copied: {error.code} at the {error.side}")
        outcome = self._followed.get(tag)
        if outcome is not None and outcome.status == "copied" and tag not in self._requested:
            tally.bytes_copied += outcome.bytes_copied
            tally.companion_count += 1
            tally.notes.append(f"with {tag}")

    async def _bring_companion(self, tag: str) -> None:
        tally = Tally()
        found = await resolve_optional(self._lane, tag, is_at_target=self._has_at_target(tag))
        if found is None:
            return
        if not found.is_comparable:
            await read(self._lane, tag, found)
        outcome = self._decide(tag, found)
        if outcome is None:
            manifest = await read(self._lane, tag, found)
            await self._write(tag, manifest, tally, is_followed=False)
            outcome = self._outcome(tag, "copied", found, tally, kind=manifest.kind)
        self._followed[tag] = outcome

    def _has_at_target(self, tag: str) -> bool | None:
        return None if self._target_tags is None else tag in self._target_tags

    def _decide(self, tag: str, found: Resolution) -> TagFinished | None:
        """Return the outcome of a tag of which nothing has to be copied, None if it has to be."""
        verdict = decide(
            source_digest=found.digest,
            target_digest=found.target_digest,
            override=self._request.options.override,
        )
        if verdict == "copy":
            return None
        if verdict == "up_to_date":
            return self._outcome(tag, "up_to_date", found)
        return self._outcome(tag, "skipped", found, reason="exists", side="target")

    def _outcome(
        self,
        tag: str,
        status: Status,
        found: Resolution,
        tally: Tally | None = None,
        *,
        kind: Kind | None = None,
        reason: str | None = None,
        side: Side | None = None,
    ) -> TagFinished:
        return TagFinished(
            self._request.source_repository,
            tag,
            status,
            digest=found.digest,
            kind=kind,
            bytes_copied=tally.bytes_copied if tally else 0,
            reason=reason,
            detail="; ".join(tally.notes) if tally else "",
            side=side,
        )
