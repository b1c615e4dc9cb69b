"""
Remembers for a few minutes which names the registry of an instance listed, for forms that follow each letter typed.

Kept in the memory of one process, bounded in lists and names, and never a ground for decisions: what is copied or
deleted is always listed anew. Whether the asker may view the instance is checked each time.
"""

from __future__ import annotations

import asyncio
import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.utils.translation import gettext as _

from registries import permissions
from registries.models import Instance, Permission, User
from registries.oci.client import RegistryClient
from registries.oci.errors import RegistryError
from registries.policies import Refused
from registries.services import browsing, listings

MAX_AGE = timedelta(minutes=5)
"""So old may a list be that is shown again."""

_SECONDS = 10.0
_MAX_LISTS = 500
_MAX_NAMES = 200_000
_TURNS = 16

Key = tuple[int, str, str]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Names as the registry listed them, in its own order; `is_cut` says that there are more."""

    names: tuple[str, ...]
    is_cut: bool
    read_at: datetime


@dataclass(slots=True)
class _Shelf:
    """The latest lists, the least recently used first; beyond its bounds those go."""

    lists: OrderedDict[Key, Snapshot] = field(default_factory=OrderedDict)
    name_count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def find(self, key: Key, since: datetime) -> Snapshot | None:
        with self.lock:
            found = self.lists.get(key)
            if found is None or found.read_at < since:
                return None
            self.lists.move_to_end(key)
            return found

    def put(self, key: Key, snapshot: Snapshot) -> None:
        with self.lock:
            self._drop(key)
            self.lists[key] = snapshot
            self.name_count += len(snapshot.names)
            while len(self.lists) > _MAX_LISTS or self.name_count > _MAX_NAMES:
                self._drop(next(iter(self.lists)))

    def _drop(self, key: Key) -> None:
        dropped = self.lists.pop(key, None)
        self.name_count -= len(dropped.names) if dropped else 0


_shelf = _Shelf()
# Readers of one instance take turns: who types on waits for the list that is being read instead of reading another.
_turns = tuple(threading.Lock() for _turn in range(_TURNS))


def read_repositories(
    *, instance: Instance, by: User | None, now: datetime, max_age: timedelta = MAX_AGE
) -> Snapshot:
    """
    Return the repositories of the instance, without its prefix, as they were listed at most so long ago.

    Takes 20 seconds at most. Raises what `listings.ask` raises.
    """
    permissions.check(by, Permission.VIEW, instance)
    key = _key(instance)
    with _turn(instance):
        found = _shelf.find(key, now - max_age)
        if found is None:
            names = listings.ask(
                instance=instance,
                by=by,
                act=lambda client: browsing.collect(client.list_repositories()),
                seconds=_SECONDS,
            )
            found = Snapshot(tuple(names.names), names.is_cut, now)
            _shelf.put(key, found)
        return found


def read_tags(
    *,
    instance: Instance,
    repositories: Sequence[str],
    by: User | None,
    now: datetime,
    max_age: timedelta = MAX_AGE,
) -> dict[str, Snapshot]:
    """
    Return the tags of a few repositories by repository, as `read_repositories` does.

    One whose tags the registry does not tell is left out. Raises what `listings.ask` raises if it tells none.
    """
    permissions.check(by, Permission.VIEW, instance)
    keys = {repository: _key(instance, repository) for repository in repositories}
    with _turn(instance):
        found = {name: one for name, key in keys.items() if (one := _shelf.find(key, now - max_age))}
        missing = [name for name in repositories if name not in found]
        if missing:
            read = listings.ask(
                instance=instance,
                by=by,
                act=lambda client: _list_tags(client, missing, now),
                seconds=_SECONDS,
            )
            for name, one in read.items():
                _shelf.put(keys[name], one)
            found |= read
        return found


async def _list_tags(
    client: RegistryClient, repositories: Sequence[str], now: datetime
) -> dict[str, Snapshot]:
    answers = await asyncio.gather(
        *(browsing.collect(client.list_tags(name)) for name in repositories), return_exceptions=True
    )
    found: dict[str, Snapshot] = {}
    failures: list[BaseException] = []
    for name, answer in zip(repositories, answers, strict=True):
        if isinstance(answer, RegistryError):
            failures.append(answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found[name] = Snapshot(tuple(answer.names), answer.is_cut, now)
    if failures and not found:
        raise failures[0]
    return found


@contextmanager
def _turn(instance: Instance) -> Iterator[None]:
    turn = _turns[instance.pk % _TURNS]
    if not turn.acquire(timeout=_SECONDS):
        raise Refused(_("Several lists are being read. Try again in a few seconds."))
    try:
        yield
    finally:
        turn.release()


def _key(instance: Instance, repository: str = "") -> Key:
    return (instance.pk, instance.address, repository)
