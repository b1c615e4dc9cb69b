"""What is wrong with a file, with its place, for people and for programs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing that is wrong; `path` is like `rules[0].name`, `column` is 0 where only the line is known."""

    line: int
    path: str
    message: str
    column: int = 0

    def show(self, file_name: str) -> str:
        """Return `file.yaml:12: rules[0].name: …`, as compilers do."""
        place = f"{file_name}:{self.line}" + (f":{self.column}" if self.column else "")
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"

    def as_json(self) -> dict[str, Any]:
        """Return the problem as it stands in the JSON answer."""
        return {
            "line": self.line,
            "column": self.column or None,
            "path": self.path or None,
            "message": self.message,
        }


class FileRefusedError(Exception):
    """Nothing of the file was applied; `problems` are sorted by line."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = sorted(set(problems))
        super().__init__(f"{len(self.problems)} problems")
