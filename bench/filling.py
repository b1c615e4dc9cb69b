"""Puts the images of a shape into an empty registry, quickly."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any
from urllib.parse import quote

import aiohttp
import uvloop
from yarl import URL

from bench.content import Image, Layer, Shape, images
from tests.fakes.artifacts import OCI_MANIFEST
from tests.fakes.content import digest_of

_WORKERS = 16


def fill(url: str, shape: Shape) -> None:
    """Push everything over HTTP, as anybody would."""
    uvloop.run(_fill(url, images(shape)))


async def _fill(url: str, waiting: Iterable[Image]) -> None:
    pushed: dict[tuple[str, str], asyncio.Future[None]] = {}
    async with aiohttp.ClientSession(url, timeout=aiohttp.ClientTimeout(total=None)) as session:
        remaining = iter(waiting)

        async def work() -> None:
            for image in remaining:
                await _push(session, image, pushed)

        await asyncio.gather(*(work() for _ in range(_WORKERS)))


async def _push(
    session: aiohttp.ClientSession, image: Image, pushed: dict[tuple[str, str], asyncio.Future[None]]
) -> None:
    blobs: list[Layer | bytes] = [*image.layers, image.config]
    for blob in blobs:
        digest = blob.digest if isinstance(blob, Layer) else digest_of(blob)
        key = (image.repository, digest)
        if key in pushed:
            await pushed[key]
            continue
        pushed[key] = asyncio.get_running_loop().create_future()
        await _push_blob(session, image.repository, digest, blob)
        pushed[key].set_result(None)
    await _send(
        session,
        "PUT",
        f"/v2/{image.repository}/manifests/{image.tag}",
        data=image.manifest,
        headers={"Content-Type": OCI_MANIFEST},
    )


async def _push_blob(
    session: aiohttp.ClientSession, repository: str, digest: str, blob: Layer | bytes
) -> None:
    location = await _send(session, "POST", f"/v2/{repository}/blobs/uploads/")
    size = blob.size if isinstance(blob, Layer) else len(blob)
    await _send(
        session,
        "PUT",
        f"{location}&digest={quote(digest, safe='')}",
        data=_bytes_of(blob) if isinstance(blob, Layer) else blob,
        headers={"Content-Length": str(size), "Content-Type": "application/octet-stream"},
    )


async def _bytes_of(layer: Layer) -> AsyncIterator[bytes]:
    for chunk in layer.chunks():
        yield chunk


async def _send(session: aiohttp.ClientSession, method: str, url: str, **options: Any) -> str:
    async with session.request(method, URL(url, encoded=True), **options) as response:
        if response.status >= 300:
            raise RuntimeError(f"{method} {url} answered {response.status}: {await response.text()}")
        return response.headers.get("Location", "")
