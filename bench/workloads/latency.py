"""How long it takes from a push to a real registry until the image is at the target."""

from __future__ import annotations

import random
import statistics
import time
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
    registry's answer to the push until the target answers for the tag.
    """

    name: str
    bars: tuple[Bar, ...]
    pushes: int = 60

    def measure(self, workshop: Workshop) -> list[Result]:
        """Return median and 95th percentile for both databases."""
        results: list[Result] = []
        for database in workshop.wanted(_DATABASES):
            seconds = self._seconds_on(database)
            median, late = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
            say(f"    {database}: median {median:.3f}, p95 {late:.3f}, slowest {max(seconds):.3f}")
            for figure, value in (("median", median), ("p95", late)):
                tool = f"{database} {figure}"
                results.append(Result(self.name, tool, wall_seconds=round(value, 4), runs=self.pushes))
        return results

    def _seconds_on(self, database: str) -> list[float]:
        with ExitStack() as stack:
            variables = dict(_VARIABLES)
            if database == "postgres":
                variables["REGATTA_DATABASE_URL"] = stack.enter_context(Postgres()).url
            source, target = (stack.enter_context(DockerRegistry()) for _side in range(2))
            regatta = stack.enter_context(Regatta(variables))
            regatta.apply(_declaration(source.url, target.url))
            regatta.start_serve()
            hook = regatta.manage_json("show_hook", "source")
            source.notify(Listener(hook["url"], {"Authorization": hook["authorization"]}))
            reader = stack.enter_context(httpx.Client(base_url=target.url, headers=_ACCEPT, trust_env=False))
            chance = random.Random(database)
            seconds = [_push(source, reader, number, chance) for number in range(self.pushes + 1)]
            return seconds[1:]  # the first one waits for the worker to start


def _push(source: DockerRegistry, reader: httpx.Client, number: int, chance: random.Random) -> float:
    """Push an image, wait for it, and return the seconds it took."""
    time.sleep(chance.uniform(0.05, 0.6))
    images.push(images.image(number, layers=2, layer_size=2048), source.url, _REPOSITORY, f"v{number}")
    pushed_at = time.perf_counter()
    while reader.head(f"/v2/{_REPOSITORY}/manifests/v{number}").status_code != 200:
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
    bars=tuple(
        Bar(
            "latency",
            f"a push is at the target within {limit:g} s ({database} {figure})",
            lambda figures, tool=f"{database} {figure}": figures[tool].wall_seconds,  # type: ignore[misc]
            limit,
            is_floor=False,
        )
        for database in _DATABASES
        for figure, limit in (("median", 0.5), ("p95", 1.0))
    ),
)
