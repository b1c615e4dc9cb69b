"""
The floor: a bare relay of the same bytes with the fewest requests that anything could do it with.

It lists the source, knows in advance what the target lacks, hashes nothing, survives nothing, and uses
aiohttp without a layer in between.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Coroutine, Mapping
from typing import Any
from urllib.parse import quote

import aiohttp
import uvloop
from yarl import URL

from bench.children import gate
from bench.tools.task import Task
from tests.fakes.artifacts import OCI_MANIFEST

_ACCEPT = {"Accept": OCI_MANIFEST}
_READ_BUFFER_BYTES = 256 * 1024


class Floor:
    """One run."""

    def __init__(self, task: Task, source: aiohttp.ClientSession, target: aiohttp.ClientSession) -> None:
        self._task = task
        self._source = source
        self._target = target
        self._there: dict[tuple[str, str], asyncio.Future[None]] = {}
        self._origins: dict[str, tuple[str, asyncio.Future[None]]] = {}
        self.tags = 0

    async def run(self) -> None:
        """Bring every tag of the namespace to the target, or see that it is there."""
        names = [name for name in await self._catalog() if name.startswith(f"{self._task.namespace}/")]
        pages = await self._side_by_side([self._get(f"/v2/{name}/tags/list") for name in names])
        tags = [(page["name"], tag) for page in map(json.loads, pages) for tag in page["tags"]]
        act = self._compare if self._task.is_unchanged else self._copy
        await self._side_by_side([act(name, tag) for name, tag in tags])

    async def _catalog(self) -> list[str]:
        names: list[str] = []
        path: str | None = "/v2/_catalog?n=1000"
        while path is not None:
            async with self._source.get(URL(path, encoded=True)) as response:
                response.raise_for_status()
                names += (await response.json(content_type=None))["repositories"]
                link = response.headers.get("Link")
            path = None if link is None else link[link.index("<") + 1 : link.index(">")]
        return names

    async def _side_by_side(self, works: list[Coroutine[Any, Any, Any]]) -> list[Any]:
        """Run all, at most so many at once as there are connections."""
        results: list[Any] = [None] * len(works)
        remaining = iter(enumerate(works))

        async def work() -> None:
            for number, awaitable in remaining:
                results[number] = await awaitable

        await asyncio.gather(*(work() for _ in range(self._task.connections)))
        return results

    async def _compare(self, repository: str, tag: str) -> None:
        path = f"/v2/{repository}/manifests/{tag}"
        first, second = await asyncio.gather(
            _send(self._source, "HEAD", path, headers=_ACCEPT),
            _send(self._target, "HEAD", path, headers=_ACCEPT),
        )
        if first["Docker-Content-Digest"] != second["Docker-Content-Digest"]:
            raise RuntimeError(f"{repository}:{tag} is not unchanged")
        self.tags += 1

    async def _copy(self, repository: str, tag: str) -> None:
        content = await self._get(f"/v2/{repository}/manifests/{tag}", headers=_ACCEPT)
        manifest = json.loads(content)
        blobs = {blob["digest"]: blob["size"] for blob in (manifest["config"], *manifest["layers"])}
        await asyncio.gather(*(self._ensure(repository, digest, size) for digest, size in blobs.items()))
        await _send(
            self._target,
            "PUT",
            f"/v2/{repository}/manifests/{tag}",
            data=content,
            headers={"Content-Type": OCI_MANIFEST},
        )
        self.tags += 1

    async def _ensure(self, repository: str, digest: str, size: int) -> None:
        """Send the blob, or mount it once another repository has it, unless somebody does either already."""
        key = (repository, digest)
        if key in self._there:
            await self._there[key]
            return
        done = self._there[key] = asyncio.get_running_loop().create_future()
        quoted = quote(digest, safe="")
        if digest in self._origins:
            origin, is_there = self._origins[digest]
            await is_there
            query = f"?mount={quoted}&from={quote(origin, safe='')}"
            await _send(self._target, "POST", f"/v2/{repository}/blobs/uploads/{query}")
        else:
            self._origins[digest] = (repository, done)
            answer = await _send(self._target, "POST", f"/v2/{repository}/blobs/uploads/")
            await self._relay(
                f"/v2/{repository}/blobs/{digest}", f"{answer['Location']}&digest={quoted}", size
            )
        done.set_result(None)

    async def _relay(self, path: str, location: str, size: int) -> None:
        async with self._source.get(URL(path, encoded=True)) as blob:
            headers = {"Content-Length": str(size), "Content-Type": "application/octet-stream"}
            await _send(self._target, "PUT", location, data=blob.content.iter_any(), headers=headers)

    async def _get(self, path: str, **options: Any) -> bytes:
        async with self._source.get(URL(path, encoded=True), **options) as response:
            response.raise_for_status()
            return await response.read()


async def _send(session: aiohttp.ClientSession, method: str, path: str, **options: Any) -> Mapping[str, str]:
    async with session.request(method, URL(path, encoded=True), **options) as response:
        if response.status >= 300:
            raise RuntimeError(f"{method} {path} answered {response.status}: {await response.text()}")
        return response.headers


def _open(url: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        url,
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=False,
        skip_auto_headers=["Accept-Encoding"],
        read_bufsize=_READ_BUFFER_BYTES,
    )


async def relay(task: Task) -> int:
    """Return how many tags are at the target now."""
    async with _open(task.source_url) as source, _open(task.target_url) as target:
        floor = Floor(task, source, target)
        await floor.run()
        return floor.tags


def main() -> None:
    """Do the task of the command line once."""
    task = Task.parse(sys.argv[1])
    gate.wait()
    gate.report(tags=uvloop.run(relay(task)))


if __name__ == "__main__":
    main()
