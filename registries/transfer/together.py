"""Runs works side by side and ends with one plain error instead of a group."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

from registries.oci.errors import Throttled, TransientError

First = TypeVar("First")
Second = TypeVar("Second")
Item = TypeVar("Item")


async def both(
    first: Coroutine[Any, Any, First], second: Coroutine[Any, Any, Second]
) -> tuple[First, Second]:
    """Run two works side by side and return both results; raise the error of either."""
    task = asyncio.ensure_future(first)
    try:
        result = await second
    except BaseException:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        raise
    return await task, result


async def together(works: Iterable[Coroutine[Any, Any, None]]) -> None:
    """
    Run all the works and return when all have ended; raise the first error.

    After an error that will pass, the others are let finish: what they bring needs not be brought
    again. After any other error they are cancelled: their result would be of no use.
    """
    tasks = {asyncio.ensure_future(work) for work in works}
    failed: list[BaseException] = []
    pending = tasks
    try:
        while pending and not any(_is_final(error) for error in failed):
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_EXCEPTION)
            failed += [error for task in done if (error := _error_of(task)) is not None]
    finally:
        if pending:
            for task in pending:
                task.cancel()
            await asyncio.gather(*pending, return_exceptions=True)
    if failed:
        raise next((error for error in failed if _is_final(error)), failed[0])


async def for_each(
    items: Iterable[Item], work: Callable[[Item], Coroutine[Any, Any, None]], *, limit: int
) -> None:
    """Do the work for each item, at most `limit` side by side; what is raised is as with `together`."""
    todo = list(items)
    remaining = iter(todo)

    async def worker() -> None:
        for item in remaining:
            await work(item)

    await together([worker() for _ in range(min(limit, len(todo)))])


def _error_of(task: asyncio.Task[None]) -> BaseException | None:
    return asyncio.CancelledError() if task.cancelled() else task.exception()


def _is_final(error: BaseException) -> bool:
    return not isinstance(error, TransientError | Throttled)
