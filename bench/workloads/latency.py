"""How long it takes from a push to a real registry until the image is at the target of a rule, or everywhere."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import httpx

from bench.bars import Bar
from bench.content import NAMESPACE
from bench.measuring import say
from bench.results import Result
from bench.workloads.workload import Workload, Workshop
from tests.fakes import images
from tests.fakes.artifacts import OCI_MANIFEST
from tests.servers.docker_registry import DockerRegistry, Listener
from tests.servers.postgres import Postgres
from tests.servers.regatta import Regatta

_DATABASES = ("sqlite", "postgres")
_VARIABLES = {"REGATTA_DEBUG": "false", "REGATTA_LOG_LEVEL": "WARNING"}
_ACCEPT = {"Accept": OCI_MANIFEST}
_REPOSITORY = f"{NAMESPACE}/pushed"
_LONGEST_SECONDS = 60.0
_LOOK_SECONDS = 0.005


@dataclass(frozen=True, slots=True)
class Latency:
    """
    Pushes one after another at irregular times, each when the one before has arrived.

    The registry notifies the console, the console stores the event, one worker copies. Counted from the
    registry's answer to the push until the last target answers for the tag. `seconds_on` takes a database and a
    number of pushes, and returns the seconds of each.
    """

    name: str
    bars: tuple[Bar, ...]
    seconds_on: Callable[[str, int], list[float]]
    pushes: int

    def measure(self, workshop: Workshop) -> list[Result]:
        """Return median and 95th percentile for both databases."""
        results: list[Result] = []
        for database in workshop.wanted(_DATABASES):
            seconds = self.seconds_on(database, self.pushes)
            median, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            say(f"    {database}: median {median:.3f}, p95 {late:.3f}, slowest {max(seconds):.3f}")
            for figure, value in (("median", median), ("p95", late)):
                tool = f"{database} {figure}"
                results.append(Result(self.name, tool, wall_seconds=round(value, 4), runs=self.pushes))
        return results


def _seconds_to_target(database: str, pushes: int) -> list[float]:
    with ExitStack() as stack:
        source, target = (stack.enter_context(DockerRegistry()) for _side in range(2))
        regatta = stack.enter_context(Regatta(variables_for(database, stack)))
        regatta.apply(_declaration(source.url, target.url))
        regatta.start_serve()
        hook = regatta.manage_json("show_hook", "source")
        source.notify(Listener(hook["url"], {"Authorization": hook["authorization"]}))
        return list_seconds(source, _REPOSITORY, [(target, _REPOSITORY)], pushes, database)


def variables_for(database: str, stack: ExitStack) -> dict[str, str]:
    """Return the settings of an installation on that kind of database, which lives as long as the stack."""
    if database == "postgres":
        return _VARIABLES | {"REGATTA_DATABASE_URL": stack.enter_context(Postgres()).url}
    return dict(_VARIABLES)


def list_seconds(
    source: DockerRegistry,
    repository: str,
    arrivals: Sequence[tuple[DockerRegistry, str]],
    pushes: int,
    seed: str,
) -> list[float]:
    """
    Push that often, and return for each push how long it took until it was in the last of the repositories.

    Raises RuntimeError if one does not arrive.
    """
    with ExitStack() as stack:
        readers = [
            stack.enter_context(
                httpx.Client(base_url=f"{registry.url}/v2/{name}/", headers=_ACCEPT, trust_env=False)
            )
            for registry, name in arrivals
        ]
        chance = random.Random(seed)
        seconds = [_push(source, repository, readers, number, chance) for number in range(pushes + 1)]
        return seconds[1:]  # the first one waits for the worker to start


def bars_of(workload: str, what: str, limits: Sequence[tuple[str, float]]) -> tuple[Bar, ...]:
    """Return the bars of both databases for these figures and their limits in seconds."""
    return tuple(
        Bar(
            workload,
            f"{what} within {limit:g} s ({database} {figure})",
            lambda figures, tool=f"{database} {figure}": figures[tool].wall_seconds,  # type: ignore[misc]
            limit,
            is_floor=False,
        )
        for database in _DATABASES
        for figure, limit in limits
    )


def _push(
    source: DockerRegistry,
    repository: str,
    readers: Sequence[httpx.Client],
    number: int,
    chance: random.Random,
) -> float:
    """Push an image, wait for it, and return the seconds it took."""
    time.sleep(chance.uniform(0.05, 0.6))
    images.push(images.image(number, layers=2, layer_size=2048), source.url, repository, f"v{number}")
    pushed_at = time.perf_counter()
    for reader in readers:
        while reader.head(f"manifests/v{number}").status_code != 200:
            if time.perf_counter() - pushed_at > _LONGEST_SECONDS:
                raise RuntimeError(f"push {number} did not arrive")
            time.sleep(_LOOK_SECONDS)
    return time.perf_counter() - pushed_at


def _declaration(source: str, target: str) -> str:
    place = 'account: "100000000001", edition: standard, region: ap-guangzhou'
    return f"""
accounts:
  - {{uin: "100000000001", name: Bench}}
instances:
  - {{name: source, {place}, endpoint: "{source}"}}
  - {{name: target, {place}, endpoint: "{target}"}}
rules:
  - {{source: source, target: target, name: pushes, namespace: {NAMESPACE}}}
"""


LATENCY: Workload = Latency(
    "latency",
    bars=bars_of("latency", "a push is at the target", (("median", 0.5), ("p95", 1.0))),
    seconds_on=_seconds_to_target,
    pushes=60,
)
