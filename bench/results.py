"""The figures of one tool on one workload, and the file that keeps the latest of them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

LATEST = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True, slots=True)
class Result:
    """
    What it took. A figure that makes no sense for a workload is None.

    Wall seconds are the median of so many runs; CPU and memory are those of the median run. Requests and
    bytes of blobs are counted at the registries.
    """

    workload: str
    tool: str
    wall_seconds: float
    cpu_seconds: float | None = None
    peak_memory_bytes: int | None = None
    source_requests: int | None = None
    target_requests: int | None = None
    bytes_moved: int | None = None
    runs: int = 1
    queries: int | None = None


def load(path: Path = LATEST) -> list[Result]:
    """Return the stored figures; none if nothing was ever stored."""
    if not path.exists():
        return []
    return [Result(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def merged(stored: Iterable[Result], new: Iterable[Result]) -> list[Result]:
    """Return the new figures in the place of all that were stored for their workloads, the others as they were."""
    old, fresh = _by_workload(stored), _by_workload(new)
    return [result for mine in (old | fresh).values() for result in mine]


def save(new: Iterable[Result], path: Path = LATEST) -> None:
    """Write the figures, keeping those of workloads that were not measured."""
    document = [asdict(result) for result in merged(load(path), new)]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _by_workload(results: Iterable[Result]) -> dict[str, list[Result]]:
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result.workload, []).append(result)
    return found
