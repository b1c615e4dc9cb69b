"""What every workload looks like, and what it is given to work with."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Protocol, Self

from bench.bars import Bar
from bench.content import Shape
from bench.results import Result
from bench.sites import Source
from bench.tools.own import ChildTool
from bench.tools.regatta import Product
from bench.tools.skopeo import Skopeo
from bench.tools.task import Tool


class Workshop:
    """
    Tools and sources that outlive a workload; use it as a context manager.

    `only` narrows the tools down; then there is nothing to compare with, and no bar is judged.
    """

    def __init__(self, *, runs: int, only: Sequence[str] = ()) -> None:
        self.runs = runs
        self._only = only
        self._stack = ExitStack()
        self._tools: dict[str, Tool] = {
            tool.name: tool for tool in (Product(), ChildTool("engine"), Skopeo(), ChildTool("floor"))
        }
        self._sources: dict[Shape, Source] = {}

    def __enter__(self) -> Self:
        for tool in self._tools.values():
            self._stack.callback(tool.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def tool(self, name: str) -> Tool:
        """Return the tool of that name."""
        return self._tools[name]

    def wanted(self, names: Sequence[str]) -> list[str]:
        """Return those of the tools that are to be measured."""
        return [name for name in names if not self._only or name in self._only]

    def source(self, shape: Shape) -> Source:
        """Return a registry that holds the shape, filled at its first use."""
        if shape not in self._sources:
            self._sources[shape] = self._stack.enter_context(Source(shape))
        return self._sources[shape]


class Workload(Protocol):
    """Some work for several tools, and what is promised of it."""

    @property
    def name(self) -> str:
        """Return what `--only` calls it."""
        ...

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Return what is promised of it."""
        ...

    def measure(self, workshop: Workshop) -> list[Result]:
        """Return a result for each tool. Raises RuntimeError if one of them did not do its work."""
        ...
